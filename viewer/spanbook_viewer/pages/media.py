"""Media: recorded images, sounds and files, served so that none of them can run."""

from io import BytesIO

from flask import Blueprint, Response, abort, g, send_file

from spanbook.reading import queries
from spanbook_viewer.placeholders import INLINE_AUDIO, INLINE_IMAGES

bp = Blueprint("media", __name__, url_prefix="/media")
INLINE = INLINE_IMAGES | INLINE_AUDIO
DOWNLOADS = frozenset({"application/pdf"})


@bp.get("/<digest>")
def show(digest: str) -> Response:
    blob = queries.get_blob(g.engine, digest)
    if blob is None:
        abort(404)
    kind = blob.media_type or "text/plain"
    known = kind in INLINE or kind in DOWNLOADS or blob.media_type is None
    response = send_file(
        BytesIO(blob.content),
        mimetype=kind if known else "application/octet-stream",
        as_attachment=kind not in INLINE and blob.media_type is not None,
        download_name=digest,
        etag=digest,
        max_age=31_536_000,
    )
    response.cache_control.public = False
    response.cache_control.private = True
    response.cache_control.immutable = True
    return response
