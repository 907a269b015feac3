"""Gives mkdocs the pages that pages.py makes, all of them in memory."""
import os
import pathlib
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pages  # pylint: disable=wrong-import-position

from mkdocs.exceptions import PluginError  # pylint: disable=wrong-import-position
from mkdocs.structure.files import File  # pylint: disable=wrong-import-position

ROOT = pathlib.Path(__file__).resolve().parents[2]


def on_files(files, config):
    """Adds every page; a fault in one ends the build with a sentence."""
    programs = os.environ.get("HEED_SITE_EXAMPLES")
    try:
        made = pages.all_pages(ROOT, pathlib.Path(programs) if programs else None)
    except pages.Fault as fault:
        raise PluginError(str(fault)) from fault
    for address, page in made.items():
        if isinstance(page, str):
            files.append(File.generated(config, address, content=page))
        else:
            files.append(File.generated(config, address, abs_src_path=str(page)))
    return files
