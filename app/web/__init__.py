"""Pages, fragments, the stream and the API: thin, the same functions behind all of them."""
