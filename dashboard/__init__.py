"""The screens: Streamlit pages that speak HTTP and WebSocket to `monitor.api` and to nothing else."""
