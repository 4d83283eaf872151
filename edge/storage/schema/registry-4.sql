-- As in the journal (journal-2.sql).
CREATE TABLE entry_copy_sum (
    seq INTEGER PRIMARY KEY,
    sum INTEGER NOT NULL
) STRICT;

CREATE TRIGGER entry_copy_put AFTER INSERT ON entry_copy BEGIN
    DELETE FROM entry_copy_sum WHERE seq = NEW.seq;
END;

CREATE TRIGGER entry_copy_removed AFTER DELETE ON entry_copy BEGIN
    DELETE FROM entry_copy_sum WHERE seq = OLD.seq;
END;
