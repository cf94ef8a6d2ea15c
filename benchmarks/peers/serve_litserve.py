"""The car pipeline behind LitServe: ``python -m benchmarks.peers.serve_litserve FOLDER PORT``."""

from __future__ import annotations

import sys

import litserve

from benchmarks.peers.litserve_api import CarAPI

if __name__ == "__main__":
    server = litserve.LitServer(CarAPI(api_path="/invocations"), accelerator="cpu", workers_per_device=1)
    server.run(port=int(sys.argv[2]), host="127.0.0.1", log_level="warning", generate_client_file=False)
