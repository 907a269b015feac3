"""What is wrong with what the study was given, in one sentence with its place."""

from __future__ import annotations


class StudyError(Exception):
    """One sentence for whoever runs the command."""
