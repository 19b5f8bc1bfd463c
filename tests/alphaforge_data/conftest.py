from tests.alphaforge_data.published import published

__all__ = ["published"]
