"""The script of the GitHub Action and of the GitLab template: one comment with the plan, replaced by later runs."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.local.deploy.plan_comments import SCRIPT, TOKEN, Comments, broken_platform, environment, load_script, serving

SYSTEMS = ("github", "gitlab")
MARKER = "<!-- notebook-platform plan -->"


@pytest.fixture
def comments() -> Iterator[Comments]:
    with serving() as found:
        yield found


def publish(system: str, comments: Comments, text: str) -> None:
    script = load_script()
    api = (script.GitLab if system == "gitlab" else script.GitHub)(environment(system, comments.url))
    api.publish(MARKER, script.comment(MARKER, [("platforms/lab.yaml", 2, text)], api.limit))


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_second_run_replaces_the_comment_that_is_on_the_second_page(system: str, comments: Comments) -> None:
    for number in range(120):
        comments.add(f"remark {number}")
    publish(system, comments, "+ Cluster (about 5 min)")
    publish(system, comments, "Nothing to do: everything is up to date.")
    assert len(comments.comments) == 121
    assert "Nothing to do" in comments.comments[-1]["body"] and "+ Cluster" not in comments.comments[-1]["body"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_comment_of_another_author_with_the_marker_stays_as_it_is(system: str, comments: Comments) -> None:
    comments.add(f"{MARKER} mine")
    publish(system, comments, "+ Cluster")
    assert comments.comments[0]["body"] == f"{MARKER} mine" and "+ Cluster" in comments.comments[1]["body"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_long_plan_is_cut_at_a_line_and_the_comment_counts_the_rest(system: str, comments: Comments) -> None:
    publish(system, comments, "\n".join(f"+ roleAssignments/{number:09}" for number in range(60_000)))
    body = comments.comments[0]["body"]
    kept = body.count("+ roleAssignments/")
    assert 1000 < kept < 60_000 and f"… {60_000 - kept} more lines" in body
    assert body.rstrip().endswith("```")


def test_a_plan_cannot_leave_its_code_block() -> None:
    body = load_script().comment(MARKER, [("lab.yaml", 2, "````\n@everyone")], 65_536)
    assert body.count("`````") == 2 and body.index("@everyone") < body.rindex("`````")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("status", "sentence"),
    [(403, "refuses GET of comments with HTTP 403."), (502, "with HTTP 502. Run the job again."), (302, "with HTTP 302.")],
)
def test_a_refusal_is_one_sentence_with_a_remedy(system: str, status: int, sentence: str, comments: Comments) -> None:
    comments.status = status
    with pytest.raises(Exception, match=r"HTTP") as refused:
        publish(system, comments, "+ Cluster")
    text = str(refused.value)
    assert sentence in text and TOKEN not in text and text.count("\n") == 0
    assert len(comments.calls) == 1, "a redirect would take the token to another host"


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_job_posts_the_error_of_a_plan_without_secrets_and_fails(system: str, comments: Comments, tmp_path: Path) -> None:
    done = run(system, comments, broken_platform(tmp_path))
    body = comments.comments[0]["body"]
    assert done.returncode == 1 and "lab.yaml`: failed" in body and "spec." in body, done.stderr
    assert "hunter2" not in body + done.stdout and TOKEN not in body + done.stdout


def run(system: str, comments: Comments, file: Path) -> subprocess.CompletedProcess[str]:
    """Run the script as a job does, with the real `notebook-platform`."""
    variables = {**environment(system, comments.url), "PATH": str(Path(sys.executable).parent), "HOME": str(file.parent)}
    variables |= {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    command = [sys.executable, str(SCRIPT), "--", str(file)]
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)


def test_the_action_and_the_template_run_this_script_with_the_variables_that_it_reads() -> None:
    action = yaml.safe_load((SCRIPT.parent / "action.yml").read_text())
    (step,) = action["runs"]["steps"]
    assert set(environment("github", "")) - set(step["env"]) == {"GITHUB_API_URL", "GITHUB_REPOSITORY"}
    assert "${{" not in step["run"] and "plan_comment.py" in step["env"]["PLAN_SCRIPT"]
    workflow = yaml.safe_load((SCRIPT.parent / "github-workflow.yaml").read_text())
    assert workflow[True].keys() == {"pull_request"} and workflow["permissions"]["pull-requests"] == "write"
    template = yaml.safe_load((SCRIPT.parent / "gitlab-ci.yaml").read_text())
    assert "plan_comment.py" in template["notebook-platform-plan"]["script"][0]
