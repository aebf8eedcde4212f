"""One module a page; each has a `show` that draws it.

Not named `pages`: Streamlit takes a folder of that name beside its script for pages of its own finding.
"""
