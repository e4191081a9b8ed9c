"""The media: what an asset of each kind is, how it is learned, how it becomes chunks."""
