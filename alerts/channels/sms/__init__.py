"""Text messages through any provider that takes them over HTTP.

Transport: a POST to the one address that the operator has set, over HTTPS (http to this machine alone), without
redirects. Address, headers and body are templates: ``{to}``, ``{text}``, ``{id}`` (the same for each try, for providers
that know idempotency keys), ``{secret}`` and ``{basic}`` (user and secret as basic authentication has them). What is
filled in is escaped for where it stands, so a number or a text cannot become a field of its own; secrets do not go into
addresses, which everybody on the way writes down.
Settings: section ``[sms]``; without ``url`` the channel is off. ``docs/notifications.md`` has them for some providers.
Texts: one line that fits one message (160 characters of GSM 03.38) unless the console's address is long.
"""
