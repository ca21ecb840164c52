# ALASL for the processor, without CUDA. A project, its images and the cache lie in /data:
#   docker build -t alasl .
#   docker run --rm -v "$PWD:/data" alasl check scenes
# docker-compose.yml serves a project's page.

FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /alasl \
 && /alasl/bin/pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu .

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 alasl
COPY --from=build /alasl /alasl
ENV PATH=/alasl/bin:$PATH \
    ALASL_CACHE=/data/.cache/alasl \
    PYTHONUNBUFFERED=1
USER 1000
WORKDIR /data
EXPOSE 8765
# Only where the page is served; other commands end by themselves before it is asked.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8765), 3)"]
ENTRYPOINT ["alasl"]
CMD ["--help"]
