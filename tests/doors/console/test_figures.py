"""Pictures drawn by the node: they hold what they should, and no word in them can break out."""

import re
from xml.etree import ElementTree as ET

from weft.doors.console import figures

NASTY = '"><script>alert(1)</script>'


def parsed(drawn) -> ET.Element:
    return ET.fromstring(str(drawn))


def test_a_sparkline_stays_inside_its_box_and_needs_two_points():
    drawn = parsed(figures.spark([(0, 1.0), (1000, 5.0), (2000, 3.0)], "load"))
    numbers = [float(one) for one in re.findall(r"-?\d+\.?\d*", drawn.findall("path")[1].get("d"))]
    assert all(0 <= one <= figures.SPARK_WIDTH for one in numbers)
    assert "script>" not in figures.spark([(0, 1.0), (1, None), (2, 3.0), (3, 3.0)], NASTY)
    assert parsed(figures.spark([], "none")).find("path").get("class") == "zero"
    assert parsed(figures.spark([(0, 2.0), (10, 2.0)])).findall("path")  # a flat line divides by nothing
    assert "script>" not in figures.spark([(0, 1.0), (1, 2.0)], NASTY)


def test_a_value_holds_until_the_next_and_where_there_was_none_there_is_no_line():
    step = parsed(figures.spark([(0, 0.0), (900, 2800.0), (1000, 2800.0)]))
    (line,) = [one.get("d") for one in step.findall("path") if one.get("class") == "trace"]
    assert "L" not in line  # a slope: the control, as it was drawn before
    assert line == f"M0.0 {figures.SPARK_HEIGHT - 2:.1f}H216.0V4.0H240.0V4.0H240.0"
    gap = parsed(figures.spark([(0, 1.0), (250, None), (750, 2.0), (1000, 2.0)]))
    lines = [one.get("d") for one in gap.findall("path") if one.get("class") == "trace"]
    assert [(one.split(" ")[0], one.rsplit("H", 1)[1]) for one in lines] == [("M0.0", "60.0"), ("M180.0", "240.0")]
    assert parsed(figures.spark([(0, None), (10, None)])).find("path").get("class") == "zero"


def test_a_code_to_scan_says_what_it_is():
    drawn = str(figures.qr("https://example.test/?a=1&b=2", NASTY, "small"))
    assert parsed(drawn).get("class") == "qr small"
    assert "<script>" not in drawn
    assert "style=" not in drawn
