"""S3's side of the wire: the embedded storage served from its folder of buckets, or another S3 behind the same door."""

from skewless.aws.s3.app import S3App
from skewless.aws.s3.forward import ForwardApp

__all__ = ["ForwardApp", "S3App"]
