"""What runs in the page's Python: answers to the messages of its scripts."""
