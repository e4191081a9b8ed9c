"""Files to networks and back: server, client, publishing, and what to expect of a host.

    serve    server.application(Shelf.folder("assets")) is an ASGI application; server.serve() runs it
    fetch    client.fetch("https://host/x.sfu", "5%") -> the first bytes of a file, which are a file themselves
    check    check.check_url("https://host/x.sfu") -> what the host does wrong, and how to mend it
    publish  publish.publish(["x.sfu"], "s3://bucket/assets") -> names with hashes, the right headers, a manifest

Any server of static files is a complete origin (docs/delivery.md); nothing here is needed in production.
"""
