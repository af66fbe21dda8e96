"""The report: one file that stands alone, is well formed, and lets nothing through from a folder but text."""

import json
import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mvib.cli.main import main
from mvib.report import read_runs, render_page
from mvib.report.charts import Curve, Trail, curves, plane, ticks
from mvib.report.markup import escaped, inline_svg, number
from mvib.train import FolderError, train_method
from tests.train.small import BOTTLENECK, CONTRASTIVE, analysis_of, arrays

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
# A report of two small runs; with the fonts and pictures of many it stays something to send by mail.
MOST_BYTES = 400_000
VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})
HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m"


class Page(HTMLParser):
    """Tags and attributes of a page; every tag must be closed by its own."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} is never closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if len(dict(attrs)) != len(attrs):
            self.faults.append(f"{tag} has an attribute twice")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"{tag} is closed at {self.getpos()}, and was not the last to open")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("runs")
    for name, text in (("contrastive", CONTRASTIVE), ("bottleneck", BOTTLENECK)):
        train_method(analysis_of(text, {"train.epochs": 2}), data=arrays(), out=base / name)
    return base / "contrastive", base / "bottleneck"


@pytest.fixture
def copied(folders: tuple[Path, Path], tmp_path: Path) -> Path:
    shutil.copytree(folders[0], tmp_path / "run")
    return tmp_path / "run"


def check_page(text: str) -> Page:
    """What holds for every report, whatever is in the folders."""
    page = Page(text)
    assert page.faults == []
    assert {"script", "iframe", "object", "embed", "link", "form", "base"}.isdisjoint(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on"), name
        assert name not in {"href", "xlink:href", "srcset", "action"}
        assert name != "src" or value.startswith("data:image/png;base64,")
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert "@import" not in text
    return page


def test_one_run(folders: tuple[Path, Path]) -> None:
    page = check_page(render_page(read_runs(folders[:1])))
    for words in ("Contrastive: a run", "What was kept", "Information plane", "InfoNCE", "effective rank", "Spectra"):
        assert words in page.text
    assert page.tags.count("img") == 1
    assert "lower bound" in page.text


def test_runs_side_by_side(folders: tuple[Path, Path]) -> None:
    text = render_page(read_runs([*folders, folders[0]]))
    page = check_page(text)
    assert len(text) < MOST_BYTES
    assert "2 runs side by side" in page.text
    assert re.search(r"[AB] \(\w+\) has the highest lower bound on what Z tells of the label: I\(Z; Y\) ≥", page.text)
    assert "The runs were not trained" not in page.text
    assert "One seed each" in page.text
    # The reconstructions of the one that decodes images stand beside the neighbours of both.
    assert page.tags.count("img") == 3


def test_runs_on_other_held_out_data_are_not_ranked(folders: tuple[Path, Path], copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    assert set(config["held_out_fingerprints"]) >= {"image", "label"}
    text = render_page(read_runs([folders[1], copied]))
    assert "has the highest" in text
    assert "the same held-out data" not in text
    config["held_out_fingerprints"]["image"] = "another"
    (copied / "config.json").write_text(json.dumps(config))
    text = render_page(read_runs([folders[1], copied]))
    assert "The runs were not measured on the same held-out data: their numbers are not compared." in text
    assert "has the highest" not in text
    assert 'class="bar"' not in text


def test_runs_that_differ_beyond_the_digits_that_are_shown_are_equal(folders: tuple[Path, Path], copied: Path) -> None:
    lines = (copied / "monitors.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    for reading in last["readings"].values():
        reading["value"] = None if reading["value"] is None else reading["value"] * (1 + 1e-9)
    (copied / "monitors.jsonl").write_text("\n".join([*lines[:-1], json.dumps(last)]) + "\n")
    text = render_page(read_runs([folders[0], copied]))
    assert "are equal in the bound on I(Z; Y)" in text
    assert "has the highest" not in text


def test_the_same_runs_give_the_same_bytes(folders: tuple[Path, Path]) -> None:
    assert render_page(read_runs(folders)) == render_page(read_runs(folders))


def test_a_run_without_monitors_reports_what_it_has(copied: Path) -> None:
    for name in ("monitors.jsonl", "neighbours.png", "summary.json"):
        (copied / name).unlink()
    page = check_page(render_page(read_runs([copied])))
    assert "no monitors were on" in page.text
    assert "it has not come to its end" in page.text
    assert "Loss and terms" in page.text
    assert "What was kept" not in page.text
    assert "Pictures" not in page.text


def test_a_reading_that_the_last_look_lacks_is_shown_with_its_step(folders: tuple[Path, Path], copied: Path) -> None:
    looks = [json.loads(line) for line in (copied / "monitors.jsonl").read_text().splitlines()]
    assert len(looks) == 2
    steps = [look["step"] for look in looks]
    # An accuracy that no other run reaches, at the first look alone; the last one has none, and a rank that is null.
    looks[0]["readings"]["knn"]["value"] = 0.987
    del looks[1]["readings"]["knn"]
    looks[0]["readings"]["effective rank"]["value"] = 1234.5
    looks[1]["readings"]["effective rank"]["value"] = None
    middle = {**looks[0], "step": 1, "readings": {**looks[0]["readings"]}}
    del middle["readings"]["linear"]
    (copied / "monitors.jsonl").write_text("\n".join(map(json.dumps, (middle, looks[0] | {"step": 2}, looks[1]))))
    assert steps[1] > 2
    page = check_page(render_page(read_runs([copied, folders[1]])))
    assert "0.987 at step 2, not since; from 0.987" in page.text
    assert "1,234 at step 2, not since" in page.text
    assert re.search(r"from [0-9.]+ at step 2", page.text)
    assert "The last look at A (Contrastive) has no finite effective rank, knn." in page.text
    assert "has the best nearest neighbours" not in page.text
    assert "uses most dimensions" not in page.text
    # How it was measured is still told.
    assert "knn" in page.text.split("How it was measured")[1]


def test_probes_stand_beside_those_of_the_untrained_network(copied: Path) -> None:
    summary = json.loads((copied / "summary.json").read_text())
    results = [{"probe": "knn", "about": "label", "accuracy": 0.75, "note": ""}]
    summary["probes"] = {"trained": {"results": results}, "untrained": {"results": results}}
    (copied / "summary.json").write_text(json.dumps(summary))
    assert "knn (label)" in check_page(render_page(read_runs([copied]))).text


def test_an_alarm_says_its_kind_step_and_term(copied: Path) -> None:
    lines = (copied / "monitors.jsonl").read_text().splitlines()
    last = json.loads(lines[-1])
    last["alarms"] = [{"kind": "cluster", "since": 8, "why": "64 rows fall on 3 points", "term": "agree"}]
    (copied / "monitors.jsonl").write_text("\n".join([*lines[:-1], json.dumps(last)]))
    text = check_page(render_page(read_runs([copied]))).text
    assert "cluster collapse of the representation, seen after step 8: 64 rows fall on 3 points" in text
    assert "most likely by the term agree" in text


def test_nothing_in_a_folder_becomes_markup(copied: Path, tmp_path: Path) -> None:
    folder = copied.rename(tmp_path / "a<b>&'\"c")
    config = json.loads((folder / "config.json").read_text())
    config |= {"method": HOSTILE, "data": HOSTILE, "seed": HOSTILE, "parameters": HOSTILE}
    (folder / "config.json").write_text(json.dumps(config))
    line = json.loads((folder / "monitors.jsonl").read_text().splitlines()[-1])
    line["readings"] = {HOSTILE: {"value": 1, "bound": HOSTILE, "by": HOSTILE}, **line["readings"]}
    line["terms"] = {HOSTILE: {"value": 1, "bound": HOSTILE}}
    line["alarms"] = [{"kind": HOSTILE, "since": 8, "why": HOSTILE, "term": HOSTILE}]
    line["notes"] = [HOSTILE]
    (folder / "monitors.jsonl").write_text(json.dumps(line))
    metrics = json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])
    metrics["terms"] = metrics["held_out"]["terms"] = {HOSTILE: 1e300}
    (folder / "metrics.jsonl").write_text(json.dumps(metrics))
    summary = {"probes": {"trained": {"results": [{"probe": HOSTILE, "about": HOSTILE, "accuracy": 1}, 3]}}}
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "neighbours.png").write_text(HOSTILE)
    (folder / "diagram.svg").write_text(f"<svg>{HOSTILE}</svg>")
    text = render_page(read_runs([folder]))
    page = check_page(text)
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in text
    assert "no PNG" in page.text


@pytest.mark.parametrize("content", ["", "{", "[]", '{"step": 1}', "\x00", '{"step": 1e999}', "[" * 10_000, '"x"\n3'])
@pytest.mark.parametrize("name", ["monitors.jsonl", "metrics.jsonl", "summary.json"])
def test_a_damaged_file_is_left_out_and_said(copied: Path, name: str, content: str) -> None:
    (copied / name).write_text(content)
    run = read_runs([copied])[0]
    assert content == "" or name != "metrics.jsonl" or any(name in note for note in run.notes)
    check_page(render_page([run]))


def test_what_is_drawn_has_limits(copied: Path) -> None:
    line = json.loads((copied / "metrics.jsonl").read_text().splitlines()[-1])
    line["terms"] = line["held_out"]["terms"] = {f"drawn{number}": 1.0 for number in range(150)}
    plain = json.dumps({**line, "terms": {}, "held_out": {**line["held_out"], "terms": {}}})
    (copied / "metrics.jsonl").write_text(f"{plain}\n" * 5000 + f"{json.dumps(line)}\n")
    png = bytearray((copied / "neighbours.png").read_bytes())
    png[16:24] = struct.pack(">II", 40_000, 40_000)
    (copied / "neighbours.png").write_bytes(png)
    text = render_page(read_runs([copied]))
    page = check_page(text)
    assert "and 50 more terms, which are not drawn" in page.text
    assert "drawn99, training" in page.text
    assert "drawn100, training" not in page.text
    assert max(len(points.split()) for points in re.findall(r'points="([^"]*)"', text)) <= 1000
    assert "`neighbours.png` is left out: it has 1,600,000,000 pixels, and up to 33,554,432 are shown" in page.text
    assert "data:image/png" not in text


def test_a_spec_that_cannot_be_read_costs_the_diagram_alone(copied: Path) -> None:
    (copied / "spec.mvib").write_text("nonsense")
    page = check_page(render_page(read_runs([copied])))
    assert "no diagram and no objective" in page.text
    assert "Through training" in page.text


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="is no run folder"):
        read_runs([tmp_path])


def test_the_command(folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "both.html"
    assert main(["report", *map(str, folders), "-o", str(out)]) == 0
    assert capsys.readouterr().out == f"wrote {out}\n"
    check_page(out.read_text(encoding="utf-8"))
    assert main(["report", str(folders[0])]) == 0
    assert (folders[0] / "report.html").is_file()
    assert main(["report", str(tmp_path)]) == 2
    assert main(["report", str(folders[0]), "-o", str(tmp_path / "report.pdf")]) == 2
    assert main(["report", str(folders[0]), "-o", str(tmp_path / "nowhere" / "report.html")]) == 2
    assert main(["report"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.skipif(not BROWSER, reason="there is no Chromium")
def test_a_browser_finds_no_error(folders: tuple[Path, Path], tmp_path: Path) -> None:
    dom, errors = browse(render_page(read_runs(folders)), tmp_path)
    # Errors of the page are logged as those of its console; others are about the machine.
    assert "CONSOLE" not in errors
    assert dom.tags.count("svg") > 20
    assert dom.tags.count("section") == 8
    assert dom.tags.count("img") == 3


def browse(text: str, folder: Path) -> tuple[Page, str]:
    """A page as a browser has it once it is loaded, and what the browser logged."""
    page = folder / "report.html"
    page.write_text(text, encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--v=0"]
    command += ["--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", page.as_uri()]
    # Starting a browser takes long on a machine that is busy; whether it is quick is not asked.
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert result.returncode == 0
    return Page(result.stdout), result.stderr


# What reaches out of a page of some width. The page itself runs no script; the frame around it does.
MEASURE = """<html><body><iframe id="frame" style="width:{width}px;height:600px;border:0" srcdoc="{page}"></iframe>
<p id="found">not measured</p><script>
document.getElementById("frame").addEventListener("load", (event) => {{
  const inner = event.target.contentDocument;
  const right = inner.documentElement.clientWidth;
  const far = [...inner.querySelectorAll("table, td, th, p, li, svg, img, .bar, .card")]
    .filter((element) => element.getBoundingClientRect().right > right + 1)
    .map((element) => element.tagName + " " + element.textContent.slice(0, 30));
  const tables = inner.querySelectorAll("table").length;
  document.getElementById("found").textContent = JSON.stringify({{tables, far}});
}});
</script></body></html>"""


@pytest.mark.skipif(not BROWSER, reason="there is no Chromium")
@pytest.mark.parametrize(("width", "medium"), [(420, "screen"), (320, "screen"), (688, "print"), (500, "print")])
def test_nothing_is_cut_off_on_a_phone_or_on_paper(
    folders: tuple[Path, Path], tmp_path: Path, width: int, medium: str
) -> None:
    shutil.copytree(folders[0], tmp_path / "a_run_with_a_name_that_has_no_place_to_break_and_is_longer_than_a_column")
    text = render_page(read_runs([*folders, *tmp_path.glob("a_run*")]))
    if medium == "print":
        # Paper has no scroll bars: what holds for print alone holds for this page.
        text = text.replace("@media print", "@media all").replace("@media screen and", "@media speech and")
    dom, _ = browse(MEASURE.format(width=width, page=escaped(text)), tmp_path)
    found = json.loads(re.search(r"{.*}|not measured", dom.text)[0])  # type: ignore[index]
    assert found["tables"] >= 5
    assert found["far"] == []


def shown(svg: str) -> Iterator[str]:
    yield from re.findall(r'(?:points|cx|cy|x|y)="([^"]*)"', svg)


def test_charts_of_numbers_that_cannot_be_drawn() -> None:
    nan, infinity = float("nan"), float("inf")
    assert curves("x", [Curve(label="a", points=[(0, nan), (1, infinity)], colour="#000")], x_label="t") == ""
    assert curves("x", [Curve(label="a", points=[(1, 0), (2, -1)], colour="#000")], x_label="t", log=True) == ""
    assert plane("x", [Trail(label="a", colour="#000", points=[(nan, 0, 0)])], x_label="a", y_label="b") == ""
    for points in ([(0, 1)], [(0, 3), (1, 3)], [(0, -1e200), (5, 1e200)], [(0, 1e-320), (1, 0)], [(1, nan), (2, 1)]):
        drawn = curves("x", [Curve(label="a", points=points, colour="#000")], x_label="t")
        assert drawn
        assert not any(word in number for number in shown(drawn) for word in ("nan", "inf"))


@pytest.mark.parametrize("value", [1e299, 9e299, 2e-300, 1e-299])
def test_a_scale_of_powers_ends_where_floats_end(value: float) -> None:
    assert curves("x", [Curve(label="a", points=[(1, value)], colour="#000")], x_label="t", log=True)


def test_ticks_are_round() -> None:
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert ticks(0.3, 0.7) == pytest.approx([0.3, 0.4, 0.5, 0.6, 0.7])
    assert ticks(-3e7, 1e7) == pytest.approx([-3e7, -2e7, -1e7, 0, 1e7])


def test_a_drawing_keeps_shapes_and_nothing_else() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1" onload="x()"><script>x()</script><style>a{}</style>'
        '<a href="javascript:x()"><text>gone</text></a><g id="g" transform="rotate(1)"><path d="M0" fill="url(#x)"/>'
        "<text>a &lt; b<tspan>c</tspan>d</text></g><image href='x'/></svg>"
    )
    assert inline_svg(svg, label="<l>") == (
        '<svg role="img" aria-label="&lt;l&gt;" viewBox="0 0 1 1"><g transform="rotate(1)"><path d="M0"></path>'
        "<text>a &lt; b<tspan>c</tspan>d</text></g></svg>"
    )


def test_text_and_numbers() -> None:
    assert escaped("a<b>\x00\x1b") == "a&lt;b&gt;"
    assert [number(value) for value in (None, float("nan"), 0.12345, 12345.0)] == ["–", "–", "0.123", "12,345"]
