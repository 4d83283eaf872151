"""Lines of keys: the corners of TOML, one by one. Documents at large: tests/property/test_config_any_toml.py."""

import pytest

from edge.config.locate import Path, locate


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("\n\n[t]\n# x = 1\nx = 2", ("t", "x"), 5),
        ("[t]\nx = 1\n[t.u]\ny = 2", ("t", "u"), 3),
        ("[t]\nx = 1\n[t.u]\ny = 2", ("t",), 1),
        ("[[s]]\n[[s.e]]\nid = 1\n[[s.e]]\nid = 2\n[[s]]\n[[s.e]]\nid = 3", ("s", 1, "e", 0, "id"), 8),
        ("[[s]]\n[[s.e]]\nid = 1\n[[s.e]]\nid = 2\n[[s]]\n[[s.e]]\nid = 3", ("s", 0, "e", 1), 4),
        ("[[s]]\n[s.t]\nx = 1\n[[s]]\n[s.t]\nx = 2", ("s", 1, "t", "x"), 6),
        ("a.\"b.c\".'d' = 1", ("a", "b.c", "d"), 1),
        ('"\\u0061\\n" = 1', ("a\n",), 1),
        (' [ t . "u" ] # c\n x = 1', ("t", "u", "x"), 2),
        ('a = """\nb = 1\n[c]\n"""\nd = 1', ("d",), 5),
        ('a = """x""\\""""""\nd = 1', ("d",), 2),
        ("a = '''\n''\\'''''\nd = 1", ("d",), 3),
        ('a = "\\"#\\\\" # "\nd = 1', ("d",), 2),
        ("a = [\n 1, # one ]\n [2,\n 3],\n]\nd = 1", ("a", 1, 1), 4),
        ("a = [\n 1, # one ]\n [2,\n 3],\n]\nd = 1", ("d",), 6),
        ("a = {x = 1,\n y.z = 2, # }\n}\nd = 1", ("a", "y", "z"), 2),
        ("a = [{x = 1}, {\n x = 2}]\nd = 1", ("a", 1, "x"), 2),
        ("a = 1979-05-27 07:32:00 # date\nd = 1", ("d",), 2),
        ("a = [1979-05-27 07:32:00,\n2]\nd = 1", ("a", 1), 2),
        ("a = 1\r\nb = '''\r\n'''\r\nc = 2", ("c",), 4),
    ],
)
def test_line_of_a_path(text: str, path: Path, line: int) -> None:
    """Each corner of the syntax leaves the count of lines right."""
    assert locate(text)[path] == line


def test_only_what_is_in_the_document_is_located() -> None:
    """Keys in strings and comments are not keys."""
    assert set(locate('a = "b = 1"\n# c = 2\n')) == {("a",)}
