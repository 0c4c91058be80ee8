#!/usr/bin/env python3
"""Verifies Sluice recordings without Sluice: only Python's standard library and the openssl command (3.0 or later).

    verify-recording.py RECORDINGS_FOLDER [--key PUBLIC_KEY.pem ...] [--anchor ANCHORS.json ...]
    verify-recording.py SESSION.journal --key PUBLIC_KEY.pem [--allow-open]

Written from docs/recording-format.md. Prints one line for each session and the ledger, exits 0 when all is valid, 3
when something is not, 2 when it was called wrongly. Without --key it trusts the keys in the folder, which whoever can
change the recordings can change too.
"""
import argparse
import base64
import datetime
import gzip
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import zlib

JOURNAL, LEDGER = b"sluice journal 1\n", b"sluice ledger 1\n"
PURPOSE = b"sluice checkpoint 1\n"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
PATH = re.compile(r"(?:(?!keys/)[a-z][a-z0-9-]{0,31}/)?\d{4,6}-\d\d-\d\d/(ses_[0-9a-hjkmnp-tv-z]{16})\.journal")
# Records that hold events, each encoded by itself.
GROUPS = (15, 21)
MAX_RECORD = 64 * 1024 * 1024


class Invalid(Exception):
    """What is wrong, at which record and byte."""

    def __init__(self, message, record=0, byte=0, torn=False):
        super().__init__(message)
        self.message, self.record, self.byte, self.torn = message, record, byte, torn

    def __str__(self):
        return f"record {self.record} (byte {self.byte}): {self.message}"


def decode(body):
    """One value of deterministic CBOR, and nothing behind it."""

    def head(at):
        if at >= len(body):
            raise ValueError("ends too early")
        major, extra = body[at] >> 5, body[at] & 31
        at += 1
        if major > 4:
            return major, extra, at
        if extra < 24:
            return major, extra, at
        if extra > 27:
            raise ValueError("indefinite or reserved length")
        size = 1 << (extra - 24)
        if at + size > len(body):
            raise ValueError("ends too early")
        value = int.from_bytes(body[at : at + size], "big")
        if value < (24 if size == 1 else 1 << (4 * size)):
            raise ValueError("not in the shortest form")
        if value > 2**53 - 1:
            raise ValueError("integer out of range")
        return major, value, at + size

    def item(at, depth):
        major, value, at = head(at)
        if major == 0:
            return value, at
        if major == 1:
            return -1 - value, at
        if major in (2, 3):
            part = body[at : at + value]
            if len(part) != value:
                raise ValueError("ends too early")
            return (part if major == 2 else part.decode("utf-8")), at + value
        if major == 4:
            if depth >= 8:
                raise ValueError("nested too deeply")
            items = []
            for _ in range(value):
                each, at = item(at, depth + 1)
                items.append(each)
            return items, at
        if major == 7 and value in (20, 21, 22):
            return {20: False, 21: True, 22: None}[value], at
        raise ValueError("a type that is not used in recordings")

    value, end = item(0, 0)
    if end != len(body):
        raise ValueError("bytes after the value")
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(each, int) for each in value[:2]):
        raise ValueError("not a record")
    return value


def records(data, header):
    """Yields (number, byte, items, hash); raises Invalid where the chain breaks."""
    if data[: len(header)] != header:
        torn = header.startswith(data)
        raise Invalid("not a recording of this version", torn=torn)
    at, number, previous = len(header), 0, hashlib.sha256(header).digest()
    while at < len(data):
        number += 1
        length = int.from_bytes(data[at : at + 4], "big") if at + 4 <= len(data) else None
        if length is not None and not 0 < length <= MAX_RECORD:
            raise Invalid("the length of the record is impossible", number, at)
        end = at + 4 + (length or 0) + 32
        if length is None or end > len(data):
            raise Invalid("the file ends in the middle of a record", number, at, torn=True)
        digest = hashlib.sha256(previous + data[at : end - 32]).digest()
        if digest != data[end - 32 : end]:
            raise Invalid("the record does not fit the chain", number, at)
        try:
            items = decode(data[at + 4 : end - 32])
            if isinstance(items, list) and items and items[0] in GROUPS:
                for event in items[2:]:
                    if not isinstance(event, bytes):
                        raise ValueError("no event where one must be")
                    decode(event)
        except (ValueError, UnicodeDecodeError) as error:
            raise Invalid(f"cannot be decoded: {error}", number, at) from None
        yield number, at, items, digest
        at, previous = end, digest


def key_id(der):
    bits = int.from_bytes(hashlib.sha256(der).digest()[:10], "big")
    return "key_" + "".join(ALPHABET[(bits >> shift) & 31] for shift in range(75, -1, -5))


def read_key(path):
    lines = path.read_text().strip().splitlines()
    der = base64.b64decode("".join(line for line in lines if not line.startswith("-----")))
    return key_id(der), path


def introduced_key(identifier, der, folder):
    """A key that a trusted one vouches for, as a file for openssl; None when its id is not its own."""
    if key_id(der) != identifier:
        return None
    path = pathlib.Path(folder, f"{identifier}.der")
    path.write_bytes(der)
    return path


def signature_is_valid(key, message, signature):
    with tempfile.TemporaryDirectory() as folder:
        text, proof = pathlib.Path(folder, "message"), pathlib.Path(folder, "signature")
        text.write_bytes(message)
        proof.write_bytes(signature)
        form = "DER" if key.suffix == ".der" else "PEM"
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", str(key), "-keyform", form, "-rawin"]
        command += ["-in", str(text), "-sigfile", str(proof)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def check_checkpoint(items, count, head, key):
    """Why this checkpoint does not vouch for the records before it, or None."""
    if len(items) != 5:
        return "a signature has five fields"
    _, at, its_count, its_head, signature = items
    if not isinstance(its_head, bytes) or not isinstance(signature, bytes) or at < 0 or len(signature) != 64:
        return "the signature is malformed"
    if its_count != count:
        return "the signature counts other records"
    if its_head != head:
        return "the signature is over another chain"
    if key is None:
        return "it is signed by a key that is not known here"
    message = PURPOSE + at.to_bytes(8, "big") + count.to_bytes(8, "big") + head
    return None if signature_is_valid(key, message, signature) else "the signature does not verify"


def verify_journal(data, keys, allow_open):
    """Gives session, number of records, first and last hash, closed; raises Invalid."""
    session = key = first = head = None
    count = signed = 0
    ended = closed = False
    try:
        for number, byte, items, digest in records(data, JOURNAL):
            code, problem = items[0], None
            if closed:
                problem = "there is a record after the signed end"
            elif number == 1:
                if code != 0 or items[2] != 1:
                    problem = "the first record does not say what this journal is"
                else:
                    session, key, first = items[3], keys.get(items[5]), digest
            elif number == 2 and code != 2:
                problem = "the second record does not open the session"
            elif code == 1:
                problem = check_checkpoint(items, count, head, key)
                signed, closed = number, ended
            elif ended:
                problem = "there is a record between the end and its signature"
            elif code == 0:
                problem = "a second journal begins inside this one"
            elif code == 2 and (number != 2 or items[2] != session):
                problem = "it is the opening of another session, or in the wrong place"
            elif code == 12:
                ended = True
            if problem:
                raise Invalid(problem, number, byte)
            count, head = number, digest
    except Invalid as error:
        if not (error.torn and allow_open and signed and not closed):
            raise
    if not signed:
        raise Invalid("nothing in it is signed", count, len(data))
    if not closed and not allow_open:
        raise Invalid("not closed: the signed end is missing", count, len(data))
    return session, count, first, head, closed


def read_ledger(data, keys, folder):
    """Gives the sessions, number of entries, every record's hash and how many bytes follow the last signature; adds the keys that trusted ones introduce."""
    sessions, waiting, key, entries, hashes = {}, [], None, 0, []
    count, head, signed = 0, None, 0
    try:
        for number, byte, items, digest in records(data, LEDGER):
            if items[0] != 1:
                waiting.append((number, byte, items))
            else:
                for _, _, entry in waiting:
                    if entry[0] == 16:
                        key = keys.get(entry[4])
                problem = check_checkpoint(items, count, head, key)
                if problem:
                    raise Invalid(problem, number, byte)
                for entry_number, entry_byte, entry in waiting:
                    entries += 1
                    if entry[0] == 17:
                        if entry[2] in sessions:
                            raise Invalid(f"{entry[2]} is opened twice", entry_number, entry_byte)
                        sessions[entry[2]] = {"path": entry[3], "first": entry[4], "closed": None, "held": False}
                        sessions[entry[2]]["deleted"] = None
                    elif entry[0] == 18:
                        known = sessions.get(entry[2])
                        if known is None or known["closed"] is not None:
                            raise Invalid(f"{entry[2]} is closed twice or was never opened", entry_number, entry_byte)
                        known["closed"] = {"records": entry[3], "head": entry[4], "reason": entry[5]}
                    elif entry[0] == 20:
                        new = introduced_key(entry[2], entry[3], folder)
                        if new is not None:
                            keys.setdefault(entry[2], new)
                    elif entry[0] in (24, 25, 26):
                        problem = after_the_end(entry, sessions.get(entry[2]))
                        if problem:
                            raise Invalid(f"{entry[2]} {problem}", entry_number, entry_byte)
                waiting, signed = [], byte + 4 + int.from_bytes(data[byte : byte + 4], "big") + 32
            count, head = number, digest
            hashes.append(digest)
    except Invalid as error:
        if not error.torn:
            raise
    if not signed:
        raise Invalid("nothing in the ledger is signed")
    return sessions, entries, hashes, len(data) - signed


def check_anchors(anchors, hashes, keys):
    """Raises Invalid when the ledger is not the one that the anchors saw."""
    for anchor in anchors:
        at, records_then, head = anchor["at"], anchor["records"], bytes.fromhex(anchor["head"])
        moment = datetime.datetime.fromisoformat(at.replace("Z", "+00:00"))
        since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
        milliseconds = since // datetime.timedelta(milliseconds=1)
        items = [1, milliseconds, records_then, head, base64.b64decode(anchor["signature"])]
        problem = check_checkpoint(items, records_then, head, keys.get(anchor["key"]))
        if problem:
            raise Invalid(f"the anchor of {at} proves nothing: {problem}")
        if len(hashes) < records_then:
            raise Invalid(f"it was rewound: an anchor of {at} saw {records_then} records, and there are {len(hashes)}")
        if hashes[records_then - 1] != head:
            raise Invalid(f"it was rewritten: an anchor of {at} saw another record {records_then}")


def read_anchors(file):
    text = file.read_text()
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def after_the_end(entry, known):
    """Takes over a legal hold, its release or a tombstone; why it cannot be one, or None."""
    if known is None or known["deleted"] is not None:
        return "was never opened, or is deleted already"
    if entry[0] != 26:
        known["held"] = entry[0] == 24
        return None
    closed = known["closed"]
    if closed is None or known["held"]:
        return "is deleted before its end, or in spite of a legal hold"
    if (closed["records"], closed["head"]) != (entry[3], entry[4]):
        return "has the tombstone of another"
    known["deleted"] = entry[5]
    return None


def read_journal(file):
    """The bytes of a journal, packed or not; None when there is none."""
    packed = file.with_name(file.name + ".gz")
    if file.is_file() or not packed.is_file():
        return file.read_bytes() if file.is_file() else None
    try:
        return gzip.decompress(packed.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise Invalid(f"the sealed journal cannot be unpacked: {error}") from None


def check_session(folder, session, entry, keys):
    path, closed = entry["path"], entry["closed"]
    if path is None:
        return 0, False
    if not PATH.fullmatch(path) or PATH.fullmatch(path)[1] != session:
        raise Invalid("the ledger names another file for this session")
    data = read_journal(folder / path)
    if entry["deleted"] is not None:
        if data is not None:
            raise Invalid("deleted by policy, yet a journal is there")
        return 0, True
    if data is None:
        raise Invalid(f"the journal {path} is missing")
    its_session, count, first, head, is_closed = verify_journal(data, keys, closed is None)
    if its_session != session:
        raise Invalid(f"this is the journal of {its_session}")
    if first != entry["first"]:
        raise Invalid("another journal than the one the ledger saw opened")
    if closed is None and is_closed:
        raise Invalid("closed, but the ledger never saw it closed")
    if closed is not None and (closed["records"], closed["head"]) != (count, head):
        raise Invalid("the ledger saw it closed with another content")
    return count, is_closed


def verify_folder(folder, keys, anchors, new_keys):
    valid = True
    try:
        sessions, entries, hashes, unsigned = read_ledger((folder / "ledger.journal").read_bytes(), keys, new_keys)
        check_anchors(anchors, hashes, keys)
        print(f"valid    ledger  {entries} entries")
        if unsigned > 0:
            print(f"NOTE     ledger  {unsigned} bytes behind its last signature are signed by nobody: a crash, or added since")
    except FileNotFoundError:
        print("INVALID  ledger  there is no ledger")
        return False
    except Invalid as error:
        print(f"INVALID  ledger  {error}")
        return False
    for session, entry in sessions.items():
        try:
            count, closed = check_session(folder, session, entry, keys)
            print(f"valid    {session}  {count} records{'' if closed or entry['path'] is None else ', open'}")
        except Invalid as error:
            valid = False
            print(f"INVALID  {session}  {error}")
    known = {entry["path"] for entry in sessions.values()}
    patterns = ("*/*.journal", "*/*.journal.gz", "*/*/*.journal", "*/*/*.journal.gz")
    for file in sorted(file for pattern in patterns for file in folder.glob(pattern)):
        path = file.relative_to(folder).as_posix().removesuffix(".gz")
        if PATH.fullmatch(path) and path not in known:
            valid = False
            print(f"INVALID  {path}  the ledger does not know this journal")
    return valid


def read_file(path):
    return read_journal(path.with_suffix("")) if path.suffix == ".gz" else path.read_bytes()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("path", type=pathlib.Path, help="a recordings folder or one journal")
    parser.add_argument("--key", type=pathlib.Path, action="append", default=[], help="a public key you trust (PEM)")
    parser.add_argument("--anchor", type=pathlib.Path, action="append", default=[], help="heads of the ledger kept elsewhere")
    parser.add_argument("--allow-open", action="store_true", help="accept a journal that has no end yet")
    options = parser.parse_args()
    files = options.key
    if not files:
        folder = options.path if options.path.is_dir() else options.path.parent.parent
        files = sorted((folder / "keys").glob("*.pub.pem"))
    try:
        keys = dict(read_key(file) for file in files)
        if options.path.is_dir():
            anchors = [anchor for file in options.anchor for anchor in read_anchors(file)]
            with tempfile.TemporaryDirectory() as new_keys:
                valid = verify_folder(options.path, keys, anchors, new_keys)
        else:
            session, count, _, _, closed = verify_journal(read_file(options.path), keys, options.allow_open)
            print(f"valid    {session}  {count} records{'' if closed else ', open'}")
            valid = True
    except Invalid as error:
        print(f"INVALID  {options.path.name}  {error}")
        valid = False
    except (OSError, ValueError, KeyError) as error:
        print(f"verify-recording.py: {error}", file=sys.stderr)
        return 2
    return 0 if valid else 3


if __name__ == "__main__":
    sys.exit(main())
