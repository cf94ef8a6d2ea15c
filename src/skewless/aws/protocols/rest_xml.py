"""S3's errors. What S3 answers otherwise is written where S3 is."""

from __future__ import annotations

from xml.sax.saxutils import escape

from skewless.aws.http import Answer
from skewless.aws.model import Service
from skewless.aws.refusal import Refusal


class RestXml:
    """The errors of S3."""

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Answer:
        """An error as S3 tells it."""
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
        return Answer(
            refusal.status, text.encode(), {"content-type": "application/xml", "x-amz-request-id": request_id}
        )
