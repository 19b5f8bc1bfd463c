"""Gives nodes that keep their users in users.xml one user per role, with the grants of warehouse/access.

`python -m tests.cluster.users URL FILE…` rewrites users.xml of each node, which is read when the node starts. Every
user has the password of the admin in the URL.
"""

import sys
from pathlib import Path
from xml.sax.saxutils import escape

from warehouse import access
from warehouse.connection import Connection
from warehouse.embedded.config import users_config
from warehouse.embedded.state import USERS, State


def users_of_a_node(password: str) -> str:
    """users.xml of the embedded server, with what each role has in addition on a cluster."""
    text = users_config(State(0, 0, dict.fromkeys(USERS, password)))
    # Profiles come first, and some of them have the name of a role.
    profiles, users = text.split("<users>", 1)
    for role in access.ROLES:
        head, tail = users.split(f"<{role}>", 1)
        more = "".join(f"<query>{escape(grant)}</query>" for grant in access.cluster_grants(role))
        users = f"{head}<{role}>{tail.replace('</grants>', f'{more}</grants>', 1)}"
    return f"{profiles}<users>{users}"


if __name__ == "__main__":
    for file in sys.argv[2:]:
        Path(file).write_text(users_of_a_node(Connection.from_url(sys.argv[1]).password))
