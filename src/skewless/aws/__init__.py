"""The wire: what AWS clients send and expect. What it means is decided in ``skewless.control``."""
