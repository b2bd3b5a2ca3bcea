import pydicom
from scripts.dicom import read_radiograph
from scripts.dicom.objects.derived_image import write_enhanced

from ..dicom.synthetic import save
from .conftest import code_of, film
from .fake_server import PART

OTHER = b"\r\nContent-Type: application/dicom+json\r\n\r\n[]\r\n"


def test_of_several_parts_the_instance_that_was_asked_for_is_used(fake, web, tmp_path):
    for number in (1, 2):
        fake.add(film(0, number))
    films = [fake.stored[f"1.2.0.7.{number}"].content for number in (1, 2)]
    both = b"".join(b"--edge" + PART + one + b"\r\n" for one in films)
    kind = "multipart/related; boundary=edge"
    fake.wado = kind, lambda content: b"--edge" + OTHER + both + b"--edge--"
    assert web.fetch("1.2.0", tmp_path) == []
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == films
    fake.wado = kind, lambda content: 2 * (b"--edge" + PART + content + b"\r\n") + b"--edge--"  # the same twice
    assert web.fetch("1.2.0", tmp_path) == []
    assert [path.read_bytes() for path in sorted(tmp_path.iterdir())] == films


def test_film_of_another_study_is_not_taken_for_this_one(fake, web, tmp_path):
    fake.add(film(0))
    fake.add(film(1))
    fake.stored["1.2.0.7.1"].content = fake.stored["1.2.1.7.1"].content
    assert code_of(web.fetch, "1.2.0", tmp_path) == "PACS_RESPONSE" and list(tmp_path.iterdir()) == []


def test_enhanced_image_is_not_taken_for_a_film_whatever_the_pacs_calls_it(fake, web, tmp_path):
    film_file, enhanced = save(film(0), tmp_path / "film.dcm"), tmp_path / "enhanced.dcm"
    image = read_radiograph(film_file).image
    write_enhanced(film_file, image[0], enhanced, description="test", software="test")
    renamed = pydicom.dcmread(enhanced)
    renamed.SeriesDescription = "Chest"
    fake.add(renamed)
    (tmp_path / "films").mkdir()
    assert code_of(web.fetch, "1.2.0", tmp_path / "films") == "OWN_RESULT"
    fake.add(film(0))
    (failure,) = web.fetch("1.2.0", tmp_path / "films")
    assert failure.code == "OWN_RESULT" and len(list((tmp_path / "films").iterdir())) == 1
