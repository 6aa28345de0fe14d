"""The console: what needs somebody stands in the head of every page of theirs, and is told to open pages as it comes.

Transport: none of our own. The call is there for the person from the commit of its row on; the console reads it
(``ccm_link/console/needs.py``) and tells open pages through server-sent events. So it cannot fail by itself, and it
reaches nobody who has no page open: a ladder that has nothing but the console calls nobody who is not there.
Settings: none.
Texts: the kind of thing, how severe it is and the task's address, as everywhere.
"""
