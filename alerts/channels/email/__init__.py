"""E-mail through the practice's or the operator's own mail server (SMTP).

Transport: SMTP with STARTTLS or TLS from the first byte, certificate and name of the server checked, login if a user is
set; one message to one person a connection. An answer of the 500s to sender, recipient or message is final; all else is
tried again. Without TLS it speaks to this machine alone.
Settings: section ``[email]``; without ``host`` the channel is off.
Texts: subject and some lines of plain text, marked as generated so that no answering machine replies.

Source: RFC 5321 (SMTP), RFC 3207 (STARTTLS), RFC 8314 (TLS from the first byte), RFC 3834 (Auto-Submitted).
"""
