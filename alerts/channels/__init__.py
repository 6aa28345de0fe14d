"""Ways in which a call reaches a person: a folder each, with its transport, its settings and its texts.

What leaves says what kind of thing waits, how severe it is, the practice's short name and an address of the console.
Who it is about, what was measured and what the rule is called stays inside.
"""
