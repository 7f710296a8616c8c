# The image of Ray nodes, Slurm containers and Kubernetes pods that run seedscope.
#   docker build -t seedscope .
#   docker build -t seedscope --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu .
ARG PYTHON=3.11
FROM python:${PYTHON}-slim

# KubeRay's probes call wget.
RUN apt-get update \
    && apt-get install -y --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/*

# torch is by far the largest part and changes least. PyPI has it for one version of CUDA; other indexes, for others.
ARG TORCH_INDEX=https://pypi.org/simple
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" torch torchvision

WORKDIR /opt/seedscope
COPY . .
RUN pip install --no-cache-dir ".[cluster]"

RUN useradd --create-home --uid 1000 seedscope
USER seedscope
WORKDIR /home/seedscope
CMD ["seedscope", "--help"]
