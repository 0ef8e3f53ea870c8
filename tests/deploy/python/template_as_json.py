"""Prints a CloudFormation template as JSON, its short forms written out, by cfn-lint's own reader."""

import json
import sys

from cfnlint.decode import decode

template, problems = decode(sys.argv[1])
if problems:
    sys.exit("\n".join(str(problem) for problem in problems))
json.dump(template, sys.stdout)
