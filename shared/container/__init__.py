"""What a container does around what it runs: it serves a function, answers probes, drains, and watches its loops."""
