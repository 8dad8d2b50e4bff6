"""`notebook-platform init`: a few answers and Azure's offers become a commented file that doctor has nothing against."""

import io
from pathlib import Path

import pytest
import yaml
from notebook_platform.api.spec import NotebookPlatformSpec

from sandbox.azure.world import CLIENT_SECRET, SUBSCRIPTION, TENANT
from tests.azure.cli.conftest import CommandOutput, Terminal

TRIAL = ("--subscription", SUBSCRIPTION, "--location", "eastus", "--name", "lab", "--people", "100", "--sign-in", "trial")
ENTRA = ("--sign-in", "entra", "--client-id", "hub-client", "--administrator", "ada@example.org")


async def run(terminal: Terminal, *flags: str) -> tuple[CommandOutput, Path]:
    path = terminal.directory / "new.yaml"
    return await terminal.run("init", "-o", str(path), *flags), path


async def test_flags_alone_write_a_file_that_doctor_accepts(terminal: Terminal) -> None:
    mark = await terminal.estate.mark()
    output, path = await run(terminal, *TRIAL, "--credentials-secret", "")
    assert output.code == 0 and "No blocking problems found." in output.out, output
    assert f"Written to {path}. The operator signs in with its own identity, which an administrator has to allow " in output.out
    assert f"Next: notebook-platform plan -f {path}, then kubectl apply -f {path}" in output.out
    assert await terminal.estate.writes(mark) == []
    doctor = await terminal.run("doctor", "-f", str(path))
    assert doctor.code == 0, doctor.out
    text = path.read_text()
    assert "100 users at once need" in text and CLIENT_SECRET not in text + output.out + output.err
    spec = NotebookPlatformSpec.model_validate(yaml.safe_load(text)["spec"])
    (users,) = [pool for pool in spec.node_pools if pool.name == "users"]
    assert users.autoscaling is not None and users.autoscaling.max_count > 1
    assert spec.cluster.name == spec.azure.resource_group == "lab"


async def test_without_a_flag_the_file_names_a_secret_and_init_and_doctor_say_how_to_create_it(terminal: Terminal) -> None:
    output, path = await run(terminal, *TRIAL, "-n", "team-a")
    assert output.code == 0, output
    assert yaml.safe_load(path.read_text())["spec"]["azure"]["credentials"] == {"secretRef": {"name": "azure-credentials"}}
    create = "kubectl create secret generic azure-credentials -n team-a --from-literal=tenantId=... --from-literal=clientId=... "
    assert (
        f"The operator signs in with a Secret; if it does not exist yet: {create}--from-literal=clientSecret=...\n" in output.out
    )
    doctor = await terminal.run("doctor", "-f", str(path))
    absent = "spec.azure.credentials.secretRef names the Secret 'azure-credentials', which does not exist in namespace 'team-a'. Create it: `"
    assert doctor.code == 1 and f"{absent}{create}" in doctor.out, doctor.out


async def test_questions_are_answered_on_standard_input_and_asked_again_after_a_wrong_answer(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["", "eastus", "No name!", "lab", "", "github", "hub-client", "ada", "ada@example.org"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines) + "\n"))
    output, path = await run(terminal, "--credentials-secret", "hub-principal")
    assert output.code == 0, output
    asked = ("Subscription [", "Region [", "Name [", "same time [", "Sign-in (", "Client id", "administrator: ", "E-mail")
    assert [words for words in asked if words not in output.err] == []
    assert "use at most 32 lower-case letters" in output.err
    found = yaml.safe_load(path.read_text())
    assert found["metadata"] == {"name": "lab", "namespace": "platforms"}
    assert found["spec"]["azure"]["credentials"] == {"secretRef": {"name": "hub-principal"}}
    assert found["spec"]["jupyterhub"]["auth"]["github"]["adminUsers"] == ["ada"]
    assert found["spec"]["jupyterhub"]["expose"]["tls"]["letsEncrypt"]["contactEmail"] == "ada@example.org"


async def test_sign_in_with_entra_takes_the_tenant_of_the_subscription(terminal: Terminal) -> None:
    output, path = await run(terminal, *TRIAL[:-2], *ENTRA)
    assert output.code == 0, output
    auth = yaml.safe_load(path.read_text())["spec"]["jupyterhub"]["auth"]["entra"]
    assert (auth["tenantId"], auth["clientId"]) == (TENANT, "hub-client")
    assert "https://lab.eastus.cloudapp.azure.com/hub/oauth_callback" in path.read_text()


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--location", "mars"), "--location mars: 'mars' is not a region of the subscription"),
        (("--people", "many"), "--people many: use a number from 1 to 10000"),
        (("--sign-in", "http://login.example.org"), "use entra, github, trial, or the https address"),
        (("--subscription", "another"), "--subscription another: 'another' is not a subscription that you can read"),
    ],
)
async def test_a_wrong_flag_is_named(terminal: Terminal, flags: tuple[str, str], problem: str) -> None:
    output, path = await run(terminal, *TRIAL, *flags)
    assert output.code == 1 and problem in output.err and not path.exists()


async def test_a_missing_answer_at_the_end_of_the_input_names_its_flag(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    output, path = await run(terminal, *TRIAL[:4])
    assert output.code == 1 and "set --name" in output.err and not path.exists()


async def test_an_existing_file_is_kept(terminal: Terminal) -> None:
    (terminal.directory / "new.yaml").write_text("mine")
    output, path = await run(terminal, *TRIAL)
    assert output.code == 1 and "--force" in output.err and path.read_text() == "mine"
