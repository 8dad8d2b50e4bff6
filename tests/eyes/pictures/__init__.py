"""Pictures of the dashboards: what a real Prometheus answers to the queries of each panel, drawn in Grafana's layout as one SVG for each
dashboard.

`answers.py` asks Prometheus, `values.py` writes a value in its unit, `layout.py` divides the picture, `panels.py` and `draw.py` draw with
Matplotlib. `digest.py` names what a picture shows, so that a test finds a picture of older panels; it needs neither of the two.
"""
