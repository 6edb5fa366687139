"""What is known of the runs: quality, size, training."""

from viewer.page import Page


def add_facts_panel(page: Page) -> None:
    """A table per run."""
    for subject in page.subjects:
        with page.client.gui.add_folder(f"Run {subject.name}" if len(page.subjects) > 1 else "Run"):
            rows = "\n".join(f"| {name} | {value} |" for name, value in subject.facts.items())
            page.client.gui.add_markdown(f"| {subject.name} | {subject.kind} |\n|---|---|\n{rows}")
