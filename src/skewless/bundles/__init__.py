"""Bundles: bytes <-> `skewless.spec.StageGraph`. Parsing imports and creates nothing that a file names; never pickle.

`archive` files of a folder, zip or tar.gz (with `location`, `members`, `tar`) · `mleap` MLeap's Bundle.ML, as JSON
(`values`, `jsontext`) or `protobuf` · `sparkml` saved Spark ML folders · `manifest`, `parity` what Skewless adds to a
bundle · `place` where something stands, for errors. What an op's attributes mean is not known here: see `skewless.ops`.
"""
