"""How to mend what a host does wrong, for the three kinds of hosts people use: text for `check.check_url`."""

from __future__ import annotations

from collections.abc import Mapping

_CORS_S3 = (
    'aws s3api put-bucket-cors with AllowedOrigins ["*"], AllowedMethods ["GET", "HEAD"], AllowedHeaders '
    '["Range", "If-Range", "If-Match", "If-None-Match"], ExposeHeaders ["Accept-Ranges", "Content-Length", '
    '"Content-Range", "ETag"], MaxAgeSeconds 86400; CloudFront: also the managed policy CORS-S3Origin'
)
_BEHIND = "as its origin does; purge the cache after a change there"

REMEDIES: Mapping[str, Mapping[str, str]] = {
    "answer": {
        "nginx": "check root, the file's permissions and the error log",
        "s3": "check the key, and that the bucket policy allows s3:GetObject to everyone or to the CDN",
        "cloudflare": "check the rule or the bucket's public domain; a bot challenge must not stand before assets",
    },
    "host": {
        "nginx": "check that it runs (nginx -t, systemctl status nginx), its listen and server_name, and the firewall",
        "s3": "check the bucket's name and its region in the address",
        "cloudflare": "check the DNS record, and that the origin answers",
    },
    "https": {
        "nginx": "listen 443 ssl; ssl_certificate: the full chain of a certificate for this name, such as certbot's",
        "s3": "an address with dots in the bucket's name needs CloudFront and a certificate of its own",
        "cloudflare": "check that the edge certificate covers this name",
    },
    "redirect": {
        "nginx": "give viewers the address behind the redirect, or add_header Access-Control-Allow-Origin * always; "
        "where it redirects",
        "s3": "give viewers the address with the bucket's own region",
        "cloudflare": "give viewers the address behind the redirect; 'Always use HTTPS' redirects http",
    },
    "file": {
        "nginx": "copy the file again, as binary; an error page must not answer with 200 (error_page, try_files)",
        "s3": "upload the file again; 'sfumato publish' checks it before",
        "cloudflare": "upload the file to the origin again and purge the cache",
    },
    "length": {
        "nginx": "serve the file from the disk (root), without ssi, sub_filter or a proxy that buffers nothing",
        "s3": "S3 sends it; look at what stands in front of it",
        "cloudflare": "Cache-Control: no-transform at the origin, so that bodies stay as they are",
    },
    "encoding": {
        "nginx": "gzip off; gzip_static off; brotli off; in the location of .sfu files",
        "s3": "upload without Content-Encoding; CloudFront: compress objects automatically: no",
        "cloudflare": "a compression rule that disables it for .sfu, or Cache-Control: no-transform at the origin",
    },
    "range": {
        "nginx": "remove max_ranges 0; behind a proxy: proxy_force_ranges on, or the slice module",
        "s3": "S3 knows ranges; look at what stands in front of it",
        "cloudflare": "a cache rule that makes .sfu eligible for the cache; the origin has to send Content-Length",
    },
    "if-range": {
        "nginx": "etag on; and no module that rewrites bodies, which drops or weakens ETags",
        "s3": "S3 knows If-Range; CloudFront: forward it, or leave validation to the cache",
        "cloudflare": "turn on 'Respect strong ETags' in a cache rule",
    },
    "beyond": {"nginx": "nothing to set: nginx does it", "s3": "nothing to set: S3 does it", "cloudflare": _BEHIND},
    "head": {
        "nginx": "allow it: limit_except GET allows HEAD too",
        "s3": "allow HEAD in the CDN's behaviour",
        "cloudflare": _BEHIND,
    },
    "etag": {
        "nginx": "etag on; several servers: copy files with their times (rsync -t), which its ETags are made of",
        "s3": "S3 sends it; look at what stands in front of it",
        "cloudflare": "turn on 'Respect strong ETags' in a cache rule",
    },
    "cors": {
        "nginx": "add_header Access-Control-Allow-Origin * always;",
        "s3": _CORS_S3,
        "cloudflare": "a response header transform rule that sets Access-Control-Allow-Origin to *; R2: CORS policy",
    },
    "expose": {
        "nginx": "add_header Access-Control-Expose-Headers "
        '"Accept-Ranges, Content-Length, Content-Range, ETag" always;',
        "s3": _CORS_S3,
        "cloudflare": "a response header transform rule for Access-Control-Expose-Headers; R2: ExposeHeaders",
    },
    "preflight": {
        "nginx": "answer OPTIONS with 204, Access-Control-Allow-Methods and -Headers, as deploy/nginx.conf does",
        "s3": _CORS_S3,
        "cloudflare": "let OPTIONS through to the origin; R2: AllowedHeaders of the bucket's CORS policy",
    },
    "type": {
        "nginx": "types { application/vnd.sfu sfu; }",
        "s3": "upload with --content-type application/vnd.sfu, as 'sfumato publish' does",
        "cloudflare": _BEHIND,
    },
    "caching": {
        "nginx": 'add_header Cache-Control "public, max-age=31536000, immutable, no-transform" for names with a hash, '
        '"no-cache, no-transform" for others',
        "s3": "upload with --cache-control, as 'sfumato publish' does",
        "cloudflare": "browser cache TTL: respect existing headers",
    },
    "embedding": {
        "nginx": "add_header Cross-Origin-Resource-Policy cross-origin always; "
        "add_header Timing-Allow-Origin * always;",
        "s3": "CloudFront: a response headers policy that adds Cross-Origin-Resource-Policy: cross-origin and "
        "Timing-Allow-Origin: *",
        "cloudflare": "a response header transform rule that sets both",
    },
}
"""By the name of a check, or of what is behind a fault in `answer`, and the kind of host: what to do."""
