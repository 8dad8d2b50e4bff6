"""What a person sees of a fleet through Prometheus and Grafana, by real ones as far as they can be had (`make eyes`)."""
