"""Syntax errors of a site file, in its author's words: the line, the column, and what to write instead."""

import pytest
import tomli

from edge.config.syntax import SyntaxFault, explain


def explained(text: str) -> SyntaxFault:
    with pytest.raises(tomli.TOMLDecodeError) as refused:
        tomli.loads(text)
    return explain(refused.value)


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("fuse_a = 63A", "the line should end here", "write the number alone, the key says the unit: fuse_a = 63"),
        (
            "fuse_a = 63 A # amps",
            "the line should end here",
            "write the number alone, the key says the unit: fuse_a = 63",
        ),
        ("fuse_a = 63,5", "the line should end here", "write a decimal point: fuse_a = 63.5"),
        ("fuse_a = 063", "the line should end here", "write it without the leading 0: fuse_a = 63"),
        ("margin_a = .5", "here is no value that TOML knows", "write a 0 before the point: margin_a = 0.5"),
        ("margin_a = 2.", "the line should end here", "write the number without the point: margin_a = 2"),
        ("mode = observe", "here is no value that TOML knows", 'write text in quotes: mode = "observe"'),
        ("listen = 127.0.0.1:9000", "the line should end here", 'write text in quotes: listen = "127.0.0.1:9000"'),
        ("id = “main”", "here is no value that TOML knows", 'use straight quotes: "text"'),
        ("writable = True", "here is no value that TOML knows", "write it in small letters: writable = true"),
        ("writable = yes", "here is no value that TOML knows", "write writable = true"),
        ("id =", "here is no value that TOML knows", "give id a value, or take the line out"),
        ("id = main\x7f", "here is no value that TOML knows", "take the invisible characters out"),
        ("fuse_a =\u00a063", "here is no value that TOML knows", "take the invisible characters out"),
        ("fuse_a 63", "here should be an equals sign", "write key = value; a comment begins with #"),
        ("fuse_a: 63", "here should be an equals sign", "write key = value; a comment begins with #"),
        ("; a comment", "here begins neither a key nor a table", "write key = value; a comment begins with #"),
        ("id = 1 rank = 2", "the line should end here", "one key = value on a line"),
        ("[site", "the table's name isn't closed", "close it as it was opened: [name]"),
        ("[[circuit]", "the table's name isn't closed", "close it as it was opened: [[name]]"),
        ("[]", "here should be a name", "write the key's or table's name"),
        ('id = "main\nfuse_a = 1', "a text isn't closed", "close it with its quote"),
        ("id = 'main", "a text isn't closed", "close it with its quote"),
        (
            r'path = "C:\quark"',
            "a text has a backslash that means nothing",
            r"write \\, or the text in 'single quotes'",
        ),
        ('id = "ma\x01in"', "a character that can't stand here", "take it out"),
        ("# by an old Mac\rid = 1", "a carriage return without a line feed", "line ends of Unix or Windows"),
        ('phases = ["L1" "L2"]', "a list isn't closed", "put commas between its elements and ] after the last"),
        ("bms = {mqtt = 1", "an inline table isn't closed", "put commas between its keys and } after the last"),
        ("a = {b = 1, b = 2}", "a key is given twice", "keep one of the two"),
        ("[site]\nid = 'a'\nid = 'b'", "this key is given twice in its table", "keep one of the two"),
        ("[api]\n[site]\n[api]", "the table [api] is given twice", "put all its keys below one of the two"),
    ],
)
def test_each_slip_has_its_remedy(text: str, what: str, remedy: str) -> None:
    """What installers write where TOML wants something else is answered with what to write."""
    fault = explained(text)
    assert what in fault.problem
    assert remedy in fault.remedy


@pytest.mark.parametrize("table", ["circuit", "meter", "class", "station", "station.evse"])
@pytest.mark.parametrize(("first", "second"), [("[{}]", "[{}]"), ("[[{}]]", "[{}]"), ("[{}]", "[[{}]]")])
def test_lists_in_single_brackets(table: str, first: str, second: str) -> None:
    """A table of which there may be many, opened twice with single brackets or in both ways, gets the double ones."""
    parent = "[[station]]\n" if table == "station.evse" else ""
    fault = explained(f"{parent}{first.format(table)}\nid = 1\n{second.format(table)}\nid = 2\n")
    assert f"the table [{table}] is given more than once" in fault.problem
    assert fault.remedy == f"write [[{table}]] with double brackets, once for each"
    assert fault.excerpt == (f"    {second.format(table)}", "    ^")


def test_the_line_is_quoted_and_the_column_pointed_at() -> None:
    """The line as it stands, and below it a pointer at the column that the sentence names."""
    fault = explained("[site]\r\nid = 'x'\r\nfuse_a = 63A # amps\r\n")
    assert (fault.line, fault.problem) == (3, "is not valid TOML at column 12: the line should end here")
    assert fault.excerpt == ("    fuse_a = 63A # amps", "               ^")


def test_a_tab_and_wide_letters_keep_the_pointer_right() -> None:
    """What the terminal shows broader than one column moves the pointer with it; what steers it isn't shown."""
    fault = explained('id = "電気"\x1b[31m')
    assert fault.excerpt == ('    id = "電気"?[31m', "               ^")
    assert explained("\tid = x").excerpt == ("     id = x", "          ^")


def test_a_long_line_is_cut_around_the_column() -> None:
    """The pointer stays below the place, within the width of a terminal."""
    fault = explained(f'id = "{"x" * 300}" oops')
    quoted, pointer = fault.excerpt
    assert quoted[pointer.index("^") :] == "oops"
    assert len(quoted) <= 100


@pytest.mark.parametrize("value", ["hunter2", '"hunter2', "\u201chunter2\u201d", "'hunter2' x", "12345hunter2"])
@pytest.mark.parametrize("key", ["password", "  password ", "bms.mqtt.password", "mqtt = { password"])
def test_a_password_is_not_quoted(key: str, value: str) -> None:
    """What edge run refuses stands in the journal for long, and in whatever is made of it."""
    fault = explained(f"{key} = {value}\n")
    told = "\n".join((fault.problem, fault.remedy, *fault.excerpt))
    assert "password" in told
    assert "hunter2" not in told
