"""Security: what is never written to disk, and later tokens, audit and privacy."""

from lite_mlops.security.secrets import MASKED, mask_argv, mask_reason, mask_text, mask_value

__all__ = ["MASKED", "mask_argv", "mask_reason", "mask_text", "mask_value"]
