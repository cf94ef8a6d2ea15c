#!/bin/sh
# The car example with the AWS CLI: from raw data to a served pipeline, a batch, an update, and nothing left at the end.
# Before it: skewless up, and eval "$(skewless env)". It can be run again and again.
set -eu
cd "$(dirname "$0")"

account=$(aws sts get-caller-identity --query Account --output text)
bucket=skewless-cli-example-$account-$AWS_REGION
run=$(date +%Y%m%d%H%M%S)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

wait_for() { # what, the states that end it, the good one, a command that prints the state and the reason for it
    what=$1 ends=$2 good=$3
    shift 3
    while :; do
        answer=$("$@")
        state=${answer%%[[:space:]]*}
        case " $ends " in *" $state "*) break ;; esac
        sleep 1
    done
    if [ "$state" != "$good" ]; then
        echo "$what: $answer" >&2
        exit 1
    fi
    echo "$what: $state"
}

echo "== bucket and upload"
aws s3api head-bucket --bucket "$bucket" 2>/dev/null || aws s3 mb "s3://$bucket"
skewless datasets car-evaluation "$work/car.data"
aws s3 cp "$work/car.data" "s3://$bucket/data/car.data"
aws s3 cp preprocessor.py "s3://$bucket/scripts/preprocessor.py"

echo "== pre-processing in a Glue job"
job=preprocessing-cars-cli
aws glue get-job --job-name $job >/dev/null 2>&1 || aws glue create-job --name $job \
    --role "$SKEWLESS_ROLE_ARN" --command "Name=glueetl,PythonVersion=3,ScriptLocation=s3://$bucket/scripts/preprocessor.py" \
    --default-arguments "{
        \"--s3_input_data_location\": \"s3://$bucket/data/car.data\",
        \"--s3_output_bucket\": \"$bucket\", \"--s3_output_bucket_prefix\": \"output\",
        \"--s3_model_bucket\": \"$bucket\", \"--s3_model_bucket_prefix\": \"model\"}"
glue_run=$(aws glue start-job-run --job-name $job --query JobRunId --output text)
wait_for "Glue job" "SUCCEEDED FAILED STOPPED TIMEOUT ERROR" SUCCEEDED \
    aws glue get-job-run --job-name $job --run-id "$glue_run" --query "JobRun.[JobRunState, ErrorMessage]" --output text
aws s3 ls "s3://$bucket/output/" --recursive

train() { # the job's name, rounds
    aws sagemaker create-training-job --training-job-name "$1" --role-arn "$SKEWLESS_ROLE_ARN" \
        --algorithm-specification "TrainingImage=433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest,TrainingInputMode=File" \
        --hyper-parameters "objective=multi:softmax,num_class=4,eval_metric=mlogloss,early_stopping_rounds=5,num_round=$2" \
        --input-data-config "[
            {\"ChannelName\": \"train\", \"ContentType\": \"text/csv\", \"DataSource\": {\"S3DataSource\": {
                \"S3DataType\": \"S3Prefix\", \"S3Uri\": \"s3://$bucket/output/train\"}}},
            {\"ChannelName\": \"validation\", \"ContentType\": \"text/csv\", \"DataSource\": {\"S3DataSource\": {
                \"S3DataType\": \"S3Prefix\", \"S3Uri\": \"s3://$bucket/output/validation\"}}}]" \
        --output-data-config "S3OutputPath=s3://$bucket/xgb" \
        --resource-config "InstanceType=ml.m4.xlarge,InstanceCount=1,VolumeSizeInGB=1" \
        --stopping-condition "MaxRuntimeInSeconds=3600" >/dev/null
    wait_for "training job $1" "Completed Failed Stopped" Completed \
        aws sagemaker describe-training-job --training-job-name "$1" --query "[TrainingJobStatus, FailureReason]" --output text
}

sparkml=246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sparkml-serving:2.4
xgboost=433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest
features='{\"input\": [{\"name\": \"buying\", \"type\": \"string\"}, {\"name\": \"maint\", \"type\": \"string\"}, {\"name\": \"doors\", \"type\": \"string\"}, {\"name\": \"persons\", \"type\": \"string\"}, {\"name\": \"lug_boot\", \"type\": \"string\"}, {\"name\": \"safety\", \"type\": \"string\"}], \"output\": {\"name\": \"features\", \"type\": \"double\", \"struct\": \"vector\"}}'
label='{\"input\": [{\"name\": \"label\", \"type\": \"double\"}], \"output\": {\"name\": \"cat\", \"type\": \"string\"}}'

deploy() { # the model's name, the training job whose model it serves
    aws sagemaker create-model --model-name "$1" --execution-role-arn "$SKEWLESS_ROLE_ARN" --containers "[
        {\"Image\": \"$sparkml\", \"ModelDataUrl\": \"s3://$bucket/model/model.tar.gz\",
         \"Environment\": {\"SAGEMAKER_SPARKML_SCHEMA\": \"$features\"}},
        {\"Image\": \"$xgboost\", \"ModelDataUrl\": \"s3://$bucket/xgb/$2/output/model.tar.gz\"},
        {\"Image\": \"$sparkml\", \"ModelDataUrl\": \"s3://$bucket/model/postprocess.tar.gz\",
         \"Environment\": {\"SAGEMAKER_SPARKML_SCHEMA\": \"$label\"}}]" >/dev/null
    aws sagemaker create-endpoint-config --endpoint-config-name "$1" --production-variants \
        "VariantName=DefaultVariant,ModelName=$1,InitialInstanceCount=1,InstanceType=ml.m4.xlarge" >/dev/null
}

ready() {
    wait_for "endpoint" "InService OutOfService Failed" InService \
        aws sagemaker describe-endpoint --endpoint-name cars-cli --query "[EndpointStatus, FailureReason]" --output text
}

ask() {
    printf low,low,5more,more,big,high >"$work/in"
    aws sagemaker-runtime invoke-endpoint --endpoint-name cars-cli --content-type text/csv \
        --body "fileb://$work/in" "$work/out" >/dev/null
    echo "low,low,5more,more,big,high -> $(cat "$work/out")"
}

echo "== training"
train "cars-cli-$run-1" 10

echo "== model and endpoint"
deploy "cars-cli-$run-1" "cars-cli-$run-1"
aws sagemaker create-endpoint --endpoint-name cars-cli --endpoint-config-name "cars-cli-$run-1" >/dev/null
ready
ask

echo "== what its containers say of themselves"
aws logs describe-log-streams --log-group-name /aws/sagemaker/Endpoints/cars-cli \
    --query "logStreams[].logStreamName" --output text
aws logs filter-log-events --log-group-name /aws/sagemaker/Endpoints/cars-cli \
    --query "events[].[logStreamName, message]" --output text
for container in container-1 container-2 container-3; do
    aws cloudwatch get-metric-statistics --namespace AWS/SageMaker --metric-name ContainerLatency \
        --dimensions Name=EndpointName,Value=cars-cli Name=VariantName,Value=DefaultVariant "Name=ContainerName,Value=$container" \
        --start-time "$(date -u -d '-1 hour' +%FT%TZ)" --end-time "$(date -u -d '+1 minute' +%FT%TZ)" --period 3600 \
        --statistics Average --query "Datapoints[0].Average" --output text | sed "s/^/$container, microseconds: /"
done

echo "== the same pipeline over a file"
cut -d, -f1-6 "$work/car.data" | aws s3 cp - "s3://$bucket/batch/cars.csv"
aws sagemaker create-transform-job --transform-job-name "cars-cli-$run" --model-name "cars-cli-$run-1" \
    --transform-input "ContentType=text/csv,SplitType=Line,DataSource={S3DataSource={S3DataType=S3Prefix,S3Uri=s3://$bucket/batch/cars.csv}}" \
    --transform-output "S3OutputPath=s3://$bucket/batch-output,AssembleWith=Line" \
    --transform-resources "InstanceType=ml.m4.xlarge,InstanceCount=1" >/dev/null
wait_for "transform job" "Completed Failed Stopped" Completed \
    aws sagemaker describe-transform-job --transform-job-name "cars-cli-$run" --query "[TransformJobStatus, FailureReason]" --output text
aws s3 cp "s3://$bucket/batch-output/cars.csv.out" - | sort | uniq -c

echo "== an update to a second version, which answers from one moment to the next"
train "cars-cli-$run-2" 20
deploy "cars-cli-$run-2" "cars-cli-$run-2"
aws sagemaker update-endpoint --endpoint-name cars-cli --endpoint-config-name "cars-cli-$run-2" >/dev/null
ready
ask

echo "== clean-up"
aws sagemaker delete-endpoint --endpoint-name cars-cli
for version in 1 2; do
    aws sagemaker delete-endpoint-config --endpoint-config-name "cars-cli-$run-$version"
    aws sagemaker delete-model --model-name "cars-cli-$run-$version"
done
aws glue delete-job --job-name $job >/dev/null
aws s3 rb "s3://$bucket" --force >/dev/null
while aws sagemaker describe-endpoint --endpoint-name cars-cli >/dev/null 2>&1; do sleep 1; done
aws logs delete-log-group --log-group-name /aws/sagemaker/Endpoints/cars-cli
echo "done"
