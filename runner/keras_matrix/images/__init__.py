"""Images: built on pinned bases, named by the digest of their sources, and checked.

In: an image of the catalog. Out: the identity of a built image, what it contains, and which
advisories apply to it. It knows nothing of scripts, cells or runs.
"""
