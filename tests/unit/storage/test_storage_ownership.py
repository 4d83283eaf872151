"""Root uses the command line, the service has an account of its own: what is made belongs to the folder's owner."""

import os
from pathlib import Path

import pytest

from edge.domain.token import SiteToken
from edge.offline.hashing import TokenHasher
from edge.storage.key import token_key
from edge.storage.token_file import TokenFile

NOBODY = 65534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_token_that_root_adds_before_the_service_ever_ran_leaves_it_its_files(tmp_path: Path) -> None:
    """Registry, journal, key and good copy: a service that can't read them would stand in for no cloud at all."""
    folder = tmp_path / "storage"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    file, token = TokenFile(folder), TokenHasher(token_key(folder)).hash("BADGE")
    file.put([SiteToken(hash=token, hint="GE")])
    file.erase(token, "BADGE")
    made = {path.name: path.stat() for path in folder.iterdir()}
    assert {"registry.db", "journal.db", "registry.good.db", "token.key"} <= set(made)
    assert {(each.st_uid, each.st_gid) for each in made.values()} == {(NOBODY, NOBODY)}
    assert {each.st_mode & 0o777 for each in made.values()} == {0o600}
