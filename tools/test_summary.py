#!/usr/bin/env python3
"""Adds up JUnit files: one line a suite, the names of what failed, and `N passed, N failed` as the last line.

    test_summary.py FOLDER SUITE...

A suite that left no file, or ran no test, counts as one failure."""
import os
import sys
import xml.etree.ElementTree as xml


def read(path):
    passed, skipped, failed = 0, 0, []
    for case in xml.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed.append(f"{case.get('classname') or ''} {case.get('name') or ''}".strip())
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return passed, skipped, failed


def main():
    folder, suites = sys.argv[1], sys.argv[2:]
    all_passed, all_skipped, all_failed = 0, 0, []
    for suite in suites:
        try:
            passed, skipped, failed = read(os.path.join(folder, suite + ".xml"))
        except (OSError, xml.ParseError) as e:
            passed, skipped, failed = 0, 0, [f"the suite left no result: {e}"]
        if not passed and not failed:
            failed = ["the suite ran no test"]
        print(f"{suite:8} {passed:5} passed {len(failed):4} failed {skipped:4} skipped")
        all_passed += passed
        all_skipped += skipped
        all_failed += [f"{suite}: {name}" for name in failed]
    for name in all_failed:
        print("  failed:", name)
    print(f"{all_passed} passed, {len(all_failed)} failed" + (f", {all_skipped} skipped" if all_skipped else ""))
    sys.exit(1 if all_failed else 0)


main()
