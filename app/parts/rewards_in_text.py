"""Rewards that a program can check, in named parts."""


def exact_and_share(right: str, completion: str, is_ended: bool) -> tuple[float, float]:
    """Return ½ · the share of characters that stand where they should, and ½ where the completion is right and ended.

    Characters too many count as wrong ones.

    >>> exact_and_share("113", "123", True)
    (0.3333333333333333, 0.0)
    >>> exact_and_share("113", "113", True), exact_and_share("113", "113", False)
    ((0.5, 0.5), (0.5, 0.0))
    """
    same = sum(one == other for one, other in zip(right, completion, strict=False))
    share = same / max(len(right), len(completion), 1)
    return 0.5 * share, 0.5 * (completion == right and is_ended)
