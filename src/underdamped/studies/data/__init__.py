"""Where images come from: data sets by name, and any folder or archive."""

from underdamped.studies.data.image_data import ImageData
from underdamped.studies.data.loading import NAMES, default_data_dir, fetch, load_digits, load_images

__all__ = ["NAMES", "ImageData", "default_data_dir", "fetch", "load_digits", "load_images"]
