"""What `skewless up` puts together: the wire in front, the supervisor behind, and the invocations between them."""
