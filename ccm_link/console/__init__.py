"""The web console: pages that work without JavaScript, and the JSON API beside them.

:mod:`app` puts it together. A request passes :mod:`security` (headers, cross-site refusal, body limit), then
:mod:`permissions` (who may do what, one table), then a handler in :mod:`pages` or :mod:`api`.
Handlers open one transaction, call the packages below, and turn what they get into words.
"""

from __future__ import annotations
