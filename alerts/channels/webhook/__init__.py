"""A signed POST to a machine of the practice's: a paging service, a chat, a telephone system.

Transport: HTTPS (http to this machine alone) to hosts that the operator has named, for an address comes from an
administrator of a practice, who must not reach the operator's network with it: a host that is not named is refused,
whatever it resolves to, and one with a private address is reached because the operator named it. Redirects are refused.
Signed in the way of Standard Webhooks: ``webhook-id`` (the same for each try), ``webhook-timestamp``,
``webhook-signature``; each receiver has a secret of its own, which ``homevitals notify secret`` prints.
Settings: section ``[webhook]``; without ``hosts`` the channel is off.
Texts: a JSON object with the kind of thing, the severity, the practice's short name and the task's address.

Source: Standard Webhooks specification 1.0 (2023-12), sections on signatures, headers and secrets.
"""
