"""Encodings of files: decided when certain, else shown in every reading; never another text."""

from __future__ import annotations

import codecs
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.encodings import EncodingUnclear, UnreadableText, decode

NAMES = {
    "gb18030": ["王伟", "李娜", "张秀英", "陈婷", "杨梓轩", "赵鑫", "示例科技有限公司"],
    "cp950": ["陳志明", "林淑芬", "黃俊傑", "張雅婷", "示範科技有限公司"],
    "cp949": ["김민준", "이서연", "박지훈", "최영희", "예시 주식회사"],
    "cp932": ["佐藤太郎", "鈴木花子", "さくら株式会社", "東京"],
    "euc_jp": ["佐藤太郎", "鈴木花子", "さくら株式会社", "東京"],
    "cp1252": ["Müller", "Nuñez", "François", "José", "Søren", "João", "Peña", "Zoë"],
    "cp1250": ["Wałęsa", "Dvořák", "Nagy Géza", "Štěpán", "Łukasz", "Őri"],
    "cp1254": ["Şahin", "Yıldız", "Öztürk", "Çelik", "Kılıç", "Doğan", "İbrahim"],
    "cp1257": ["Žemaitis", "Kazlauskas", "Bērziņš", "Õunapuu"],
    "cp1251": ["Иванов", "Смирнов", "Попов", "Київ", "Ђорђевић"],
    "koi8-r": ["Иванов", "Смирнов", "Попов", "Ян"],
    "cp1253": ["Γιώργος", "Μαρία", "Παπαδόπουλος"],
    "cp1255": ["דוד", "לוי", "משה כהן"],
    "cp1256": ["محمد", "أحمد علي"],
    "cp874": ["สมชาย", "สมหญิง"],
    "mac-roman": ["Müller", "François", "José"],
    "cp850": ["Müller", "Großmann", "Hélène"],
}
ANY_FILE = st.sampled_from(sorted(NAMES)).flatmap(
    lambda encoding: st.tuples(
        st.just(encoding), st.lists(st.sampled_from(NAMES[encoding]), min_size=1, max_size=12)
    )
)


def attempt(
    body: bytes, stated: str | None = None
) -> tuple[str | None, dict[str, tuple[str, ...]]]:
    """The text, or the samples of the readings among which a person chooses."""
    try:
        return decode(body, stated=stated).text, {}
    except EncodingUnclear as unclear:
        return None, {reading.encoding: reading.sample for reading in unclear.readings}


@given(ANY_FILE)
def test_encoding_is_never_decided_for_another_text(file: tuple[str, list[str]]) -> None:
    encoding, names = file
    text = "Name,Email\n" + "".join(f"{name},{n}@x.example\n" for n, name in enumerate(names))
    read, readings = attempt(text.encode(encoding))
    shown = tuple(line for line in text.splitlines() if not line.isascii())[:3]

    assert read == text or (read is None and shown in readings.values())


@given(ANY_FILE)
def test_encoding_of_utf_8_is_recognised_or_shown(file: tuple[str, list[str]]) -> None:
    text = "Name\n" + "".join(f"{name}\n" for name in file[1])
    read, readings = attempt(text.encode())

    assert read == text or "utf-8" in readings
    assert read == text or sum(not c.isascii() for c in text) < 6


def test_encoding_of_korean_names_is_for_a_person_to_choose() -> None:
    body = "".join(f"{name}\n" for name in NAMES["cp949"]).encode("euc_kr")
    with pytest.raises(EncodingUnclear, match="has no certain encoding") as raised:
        decode(body)

    assert {r.encoding: r.sample[0] for r in raised.value.readings}["cp949"] == "김민준"
    assert decode(body, stated="euc-kr").text.startswith("김민준\n")


@pytest.mark.parametrize(
    ("encoding", "heading"), [("euc_kr", "이름"), ("cp1254", "Adı"), ("euc_jp", "名前")]
)
def test_encoding_is_certain_by_the_names_of_columns(encoding: str, heading: str) -> None:
    text = f"{heading},x\n치,1\n" if encoding == "euc_kr" else f"{heading},x\n,1\n"

    assert decode(text.encode(encoding), expect=[heading, "x"]).text == text


@pytest.mark.parametrize(
    ("mark", "written", "stated"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "UTF8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16-le"),
        (b"\x84\x31\x95\x33", "gb18030", "gb18030"),
    ],
)
def test_encoding_mark_is_no_part_of_the_text(mark: bytes, written: str, stated: str) -> None:
    decoded = decode(mark + "Näme\n".encode(written), stated=stated)

    assert (decoded.text, decoded.note) == ("Näme\n", None)


def test_encoding_mark_goes_before_the_stated_encoding_with_a_note() -> None:
    decoded = decode("Näme\n".encode("utf-8-sig"), stated="gb18030")

    assert decoded.text == "Näme\n"
    assert decoded.note == "its byte order mark says utf-8; gb18030 was not used"


@pytest.mark.parametrize("stated", ["ascii", "no-such", "punycode", "idna", "rot13", "a\0b", "hex"])
def test_encoding_that_is_stated_wrongly_is_refused(stated: str) -> None:
    with pytest.raises(UnreadableText, match=r"^is not written in "):
        decode("Привет\n".encode(), stated=stated)


@pytest.mark.parametrize(
    ("body", "told"),
    [(b"Name\n\x1b$B@6\x1b(B\n", "escapes of ISO 2022"), (b"\xef\xbb\xbfa\xff", "mark of utf-8")],
)
def test_encoding_that_cannot_be_is_refused(body: bytes, told: str) -> None:
    with pytest.raises(UnreadableText, match=told):
        decode(body)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["一二三", "Müller", "Иван", "김민준", "Ann"])
def test_encoding_of_utf_16_without_a_mark_is_recognised(encoding: str, name: str) -> None:
    text = f"Name,Email\n{name},a@x.example\n"

    assert decode(text.encode(encoding)).text == text


def test_encoding_samples_hold_no_nul() -> None:
    """They are shown to a person as JSON, which may hold none."""
    with pytest.raises(EncodingUnclear) as raised:
        decode("김민준\0".encode("cp949"))

    assert {r.encoding: r.sample[0] for r in raised.value.readings}["cp949"] == "김민준\ufffd"


@given(st.binary(max_size=60), st.sampled_from([None, "utf-8", "gb18030", "cp1252", "utf-16"]))
def test_encoding_of_any_bytes_is_read_or_refused(body: bytes, stated: str | None) -> None:
    with suppress(UnreadableText):
        decode(body, stated=stated)
