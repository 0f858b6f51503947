"""The zip is small, and holds all that can be loaded: whatever is in it works without what was left out."""

import importlib.metadata
import json
import re
import zipfile
from pathlib import Path

import holidays
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from holidays.registry import COUNTRIES

from chalicelib.gateways.tokens import ALGORITHMS
from infra.packaging import dependencies, pruning

MOST_BYTES = 12_000_000


def test_the_zip_has_at_most_twelve_megabytes(built):
    assert built.zip.stat().st_size <= MOST_BYTES


LOAD_ALL = """
import importlib, json, pkgutil, warnings
warnings.simplefilter("ignore")
failed = {}
def load(name):
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = error.name or str(error)
names = [one.name for one in pkgutil.walk_packages([sys.argv[1]], onerror=load)]
for name in names:
    # It is a command, and would read ours.
    if not name.endswith(".__main__"):
        load(name)
print(json.dumps({"names": names, "failed": failed}))
"""
OTHER_MACHINES = {
    "botocore.crt.auth": "another way to sign",
    "botocore.docs.translator": "docutils",
    "dateutil.tz.win": "Windows",
    "dateutil.tzwin": "Windows",
    "urllib3.contrib.emscripten": "a browser",
    "urllib3.contrib.pyopenssl": "another TLS",
    "urllib3.contrib.socks": "a proxy of another kind",
    "urllib3.http2.connection": "another protocol",
}
"""Modules that want what is in no zip of ours and never was."""


def test_every_module_in_the_zip_can_be_loaded_without_what_was_left_out(alone):
    found = alone(LOAD_ALL)

    assert len(found["names"]) > 1000
    assert set(found["failed"]) == set(OTHER_MACHINES)


LAZY = """
import json, stripe
from stripe import _object_classes
names = set(stripe._import_map) - {"events", "params"}
print(json.dumps(sorted(name for name in names if not getattr(stripe, name, None))))
"""


def test_whatever_stripe_loads_only_when_it_is_asked_for_is_there(alone):
    assert alone(LAZY) == []


def test_our_code_names_nothing_of_stripe_that_was_left_out():
    for path in (dependencies.ROOT / "chalicelib").rglob("*.py"):
        assert not re.search(r"stripe\.(params|events)\b", path.read_text()), path


HOLIDAYS = """
import holidays, json
from holidays.registry import COUNTRIES
def of(country, part):
    return [one.isoformat() for one in sorted(holidays.country_holidays(country, subdiv=part, years=int(sys.argv[2])))]
print(json.dumps({
    code: {part or "": of(code, part) for part in (None, *getattr(holidays, name).subdivisions)}
    for name, code, *_ in COUNTRIES.values()
}))
"""


def test_every_country_and_region_that_a_policy_may_name_has_the_same_holidays(alone):
    packed = alone(HOLIDAYS, "2027")

    assert packed == {
        code: {
            part or "": [
                one.isoformat()
                for one in sorted(holidays.country_holidays(code, subdiv=part, years=2027))
            ]
            for part in (None, *getattr(holidays, name).subdivisions)
        }
        for name, code, *_ in COUNTRIES.values()
    }
    assert len(packed) > 200


VERIFIED = """
import json, jwt
token, key = json.loads(sys.argv[2])
print(json.dumps(jwt.decode(token, jwt.PyJWK.from_dict(key), audience="lapse", algorithms=[sys.argv[3]])))
"""
SIGNERS = {
    "RS": (lambda: rsa.generate_private_key(65537, 2048), jwt.algorithms.RSAAlgorithm),
    "ES": (lambda: ec.generate_private_key(ec.SECP256R1()), jwt.algorithms.ECAlgorithm),
}


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_token_signed_in_any_way_we_accept_is_verified(alone, algorithm):
    make, kind = SIGNERS[algorithm[:2]]
    key = make()
    token = jwt.encode({"aud": "lapse", "sub": "a"}, key, algorithm=algorithm)
    public = json.loads(kind.to_jwk(key.public_key()))

    claims = alone(VERIFIED, json.dumps([token, public]), algorithm)

    assert claims == {"aud": "lapse", "sub": "a"}


CLIENTS = """
import json, os
from botocore.session import get_session
from botocore.httpsession import get_cert_path
os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DATA_PATH": "/nowhere"}
made = {}
for service in json.loads(sys.argv[2]):
    for region in ("us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"):
        client = get_session().create_client(service, region_name=region)
        made[f"{service} {region}"] = [client.meta.endpoint_url, sorted(client.meta.method_to_api_mapping)]
assert open(get_cert_path(True)).read(1)
print(json.dumps(made))
"""


def test_a_client_of_every_service_knows_its_calls_and_its_place_as_the_whole_package_does(alone):
    import botocore.session

    made = alone(CLIENTS, json.dumps(sorted(pruning.SERVICES)))

    session = botocore.session.get_session()
    for name, (url, calls) in made.items():
        service, region = name.split()
        whole = session.create_client(
            service, region_name=region, aws_access_key_id="x", aws_secret_access_key="x"
        )
        assert url == whole.meta.endpoint_url
        assert calls == sorted(whole.meta.method_to_api_mapping)


def test_no_description_of_a_service_lost_more_than_its_sentences(built):
    import botocore.loaders

    loader = botocore.loaders.Loader()
    with zipfile.ZipFile(built.zip) as zipped:
        for service in pruning.SERVICES:
            version = loader.determine_latest_version(service, "service-2")
            packed = json.loads(zipped.read(f"botocore/data/{service}/{version}/service-2.json"))
            whole = loader.load_service_model(service, "service-2", version)
            assert set(packed) == set(whole) - {"documentation"}
            assert set(packed["operations"]) == set(whole["operations"])
            for name, shape in whole["shapes"].items():
                kept = packed["shapes"][name]
                assert list(kept.get("members", {})) == list(shape.get("members", {}))
                assert set(shape) - set(kept) <= {"documentation"}


def test_a_member_that_is_called_documentation_is_no_sentence():
    described = {"documentation": "Says.", "members": {"documentation": {"shape": "Text"}}}

    assert pruning._undocumented(described) == {"members": {"documentation": {"shape": "Text"}}}


def test_the_licence_of_everything_that_is_handed_on_lies_beside_it(task):
    for name, version in dependencies.pins().items():
        if name in pruning.NO_PART_OF_THE_ZIP:
            continue
        whole = importlib.metadata.distribution(name)
        assert whole.version == version
        licences = [
            file for file in whole.files if re.match(r"(LICEN[CS]E|COPYING|NOTICE)", Path(file).name)
            and ".dist-info" in str(file)
        ]  # fmt: skip
        assert licences, name
        for file in licences:
            assert (task / file).read_bytes() == Path(whole.locate_file(file)).read_bytes()
        # What looks for known weaknesses in what is deployed reads the name and the version here.
        assert (
            f"Version: {version}"
            in (task / str(licences[0]).split("/")[0] / "METADATA").read_text()
        )


def test_what_is_no_part_of_the_zip_is_not_in_it(task):
    for name in (*pruning.NO_PART_OF_THE_ZIP, "cffi"):
        assert not (task / name).exists()


FAILS = """
import json, traceback
from chalicelib.domain.money import Money
try:
    Money("1", "usd") + Money("a", "eur")
except Exception:
    print(json.dumps(traceback.format_exc()))
"""


def test_a_traceback_through_our_code_shows_its_lines(alone):
    source = (dependencies.ROOT / "chalicelib/domain/money.py").read_text()

    shown = alone(FAILS)

    assert "chalicelib/domain/money.py" in shown
    line = re.search(r'money\.py", line (\d+), in \w+\n\s+(.+)\n', shown)
    assert line is not None
    assert source.splitlines()[int(line[1]) - 1].strip() == line[2]
