"""Films: as many frames as times, the same bytes on every call, and a still for those who want no motion."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from underdamped.studies.reporting.film import Cloud, film
from underdamped.studies.reporting.report import Film, Page, Section, render

X = np.linspace(-1, 1, 5)


def clouds(times=3):
    positions = np.stack([np.full((4, 2), 0.5 * t) for t in range(times)]) - 0.5
    return [Cloud("<one>", X, X, np.add.outer(X**2, X**2), positions, goal=(0.0, 0.0))]


def test_a_film_has_a_frame_a_time_and_ends_with_the_still():
    gif, still = film(clouds(), ["t = 0", "t = 1", "t = 2"])
    frames = Image.open(io.BytesIO(gif))
    assert (frames.format, frames.n_frames) == ("GIF", 3)
    frames.seek(2)
    last = np.asarray(frames.convert("RGB"), float)
    still_pixels = np.asarray(Image.open(io.BytesIO(still)).convert("RGB"), float)
    assert last.shape == still_pixels.shape
    frames.seek(0)
    first = np.asarray(frames.convert("RGB"), float)
    assert np.abs(last - still_pixels).mean() < 0.5 * np.abs(first - still_pixels).mean()  # but for the palette


def test_the_same_film_has_the_same_bytes():
    captions = ["a", "b"]
    assert film(clouds(2), captions) == film(clouds(2), captions)


def test_times_must_fit():
    with pytest.raises(ValueError, match="`clouds` must be of as many times as captions"):
        film(clouds(3), ["a"])


def test_the_page_holds_film_and_still_and_escapes_its_words():
    html = render(Page("p", [], [Section("s", [Film("f", b"GIF", b"PNG", 'a "b" <c>', "words & more")])]), {}, {})
    source = re.search(r'<source media="([^"]*)" srcset="data:image/png;base64,([^"]*)">', html)
    assert source is not None
    assert "prefers-reduced-motion: reduce" in source[1]
    assert base64.b64decode(source[2]) == b"PNG"
    image = re.search(r'<img class="film" src="data:image/gif;base64,([^"]*)" alt="([^"]*)">', html)
    assert image is not None
    assert base64.b64decode(image[1]) == b"GIF"
    assert image[2] == "a &#34;b&#34; &lt;c&gt;"
    assert "words &amp; more" in html
