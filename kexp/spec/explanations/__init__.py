"""What every diagnostic and every word of the language means: chapters of text, read only by `kexp explain`.

A chapter is a Markdown file: a heading `## name`, a paragraph, and examples in fences whose first line is
`language [wrong|right] [file]`. `tests/spec/test_explanations.py` puts every example to the proof.
"""
