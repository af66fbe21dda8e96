"""From tree to typed method: names bound, families expanded, arguments checked. Knows neither graphs nor torch."""
