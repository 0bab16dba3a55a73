"""Contents of messages: texts, images, and what cannot be counted."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spanbook.estimates.estimate import Confidence, Doubts
from spanbook.estimates.images import Image, data_url_size, image_size
from spanbook.estimates.shapes import items, mapping

Media = Callable[[str], bytes | None]  # the content of a medium by its hash, where it was kept

# Parts that the provider counts by rules nobody published.
_HIDDEN = {
    "input_audio": "audio",
    "audio": "audio",
    "file": "file",
    "input_file": "file",
    "video": "video",
    "video_url": "video",
}
_TEXT_KEYS = ("text", "refusal", "content")
_IMAGES = ("image_url", "input_image", "image")


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads contents in the shapes of the wire and in ours, and notes what it cannot see."""

    doubts: Doubts
    media: Media | None = None

    def text(self, content: Any) -> str:
        """Return the text of a content: a string, parts, or a placeholder."""
        match content:
            case None:
                return ""
            case str():
                return content
            case {"$": str(kind)}:
                return self._placeholder(kind, content)
            case list() | tuple():
                return "".join(self._part(part) for part in items(content))
            case _:
                return json.dumps(content, ensure_ascii=False, default=str)

    def _part(self, part: Any) -> str:
        if isinstance(part, str):
            return part
        kind = str(mapping(part).get("type") or "text")
        if "$" in mapping(part):
            return self.text(part)
        if kind in _HIDDEN:
            self.doubts.hide(_HIDDEN[kind])
        elif kind == "reasoning":
            self.doubts.hide("reasoning")
        elif kind not in _IMAGES:
            found = (mapping(part).get(key) for key in _TEXT_KEYS)
            return self.text(next((text for text in found if text is not None), None))
        return ""

    def _placeholder(self, kind: str, content: Any) -> str:
        self.doubts.hide("truncated" if kind in ("truncated", "more") else "not_recorded")
        return str(mapping(content).get("text") or "")

    def images(self, content: Any) -> tuple[Image, ...]:
        """Return the images among the parts of a content."""
        parts = (mapping(part) for part in items(content))
        return tuple(self._image(part) for part in parts if part.get("type") in _IMAGES)

    def _image(self, part: Mapping[str, Any]) -> Image:
        source: Any = part.get("media") or part.get("image_url") or part.get("url")
        detail = part.get("detail") or mapping(source).get("detail")
        if "url" in mapping(source):
            source = mapping(source)["url"]
        size = self._size(source)
        is_small = detail == "low"
        if size is None and not is_small:
            self.doubts.hide("image_of_unknown_size")
        else:
            self.doubts.add("image", Confidence.CLOSE)
        return Image(size, is_small)

    def _size(self, source: Any) -> tuple[int, int] | None:
        if isinstance(source, str):
            return data_url_size(source)
        digest = mapping(source).get("hash")
        if self.media is None or not isinstance(digest, str):
            return None
        content = self.media(digest)
        return image_size(content) if content else None
