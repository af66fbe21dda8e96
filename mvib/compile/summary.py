"""A compiled model at a glance: networks with their parameters, variables with their shapes."""

from typing import Any

from mvib.compile.model import CompiledModel


def summarise(model: CompiledModel) -> dict[str, Any]:
    """Networks, parameters and shapes, ready for JSON."""
    networks = []
    for network in model.plan.networks:
        module = model.networks[network.name]
        own = 0 if network.gradient.value == "stopped" else sum(p.numel() for p in module.parameters())
        networks.append(
            {"name": network.name, "kind": network.kind.value, "gradient": network.gradient.value, "parameters": own}
        )
    for name, critic in model.objective.auxiliaries.named_children():
        networks.append(
            {
                "name": name,
                "kind": "critic" if name.endswith("critic") else "fitted density",
                "gradient": "trained",
                "parameters": sum(p.numel() for p in critic.parameters()),
            }
        )
    for name, prior in model.objective.priors.items():
        parameters = sum(p.numel() for p in prior.parameters())
        networks.append({"name": f"{name}.prior", "kind": "prior", "gradient": "trained", "parameters": parameters})
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return {
        "networks": networks,
        "trained": trained,
        "untrained": sum(p.numel() for p in model.parameters()) - trained,
        "variables": variable_shapes(model),
    }


def variable_shapes(model: CompiledModel) -> dict[str, str]:
    """Shape of every variable of the graph that is computed, `64` or `1 x 8 x 8`."""
    return {
        name: " x ".join(map(str, shape)) or "label"
        for name, shape in model.shapes.items()
        if name in model.plan.variables
    }
